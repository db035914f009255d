import { readFileSync } from 'node:fs'
import { DARK } from './colours.mjs'

const STYLE = readFileSync(new URL('style.css', import.meta.url), 'utf8')
/** Pictures are drawn for both; the style shows the one that fits. */
const WIDTHS = { wide: 860, narrow: 360 }

/** The report as one file that needs no other. `draw(plot, width)` gives a picture as SVG. */
export function htmlOf(blocks, draw) {
  const title = blocks.find(({ kind }) => kind === 'heading')?.text ?? ''
  const body = blocks.map((block) => WRITERS[block.kind](block, draw)).join('\n')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${textOf(title)}</title>
<style>
${STYLE}
${darkRules()}
</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`
}

/** A picture's colours are attributes, which rules of the style go before. */
function darkRules() {
  const rules = Object.entries(DARK).map(
    ([light, dark]) =>
      `figure [fill="${light}"] { fill: ${dark} } figure [stroke="${light}"] { stroke: ${dark} }`,
  )
  return `@media (prefers-color-scheme: dark) {\n${rules.join('\n')}\n}`
}

const WRITERS = {
  heading: ({ level, text }) => `<h${level}>${textOf(text)}</h${level}>`,
  paragraph: ({ text }) => `<p>${textOf(text)}</p>`,
  commands: ({ lines }) => `<pre><code>${lines.map(escaped).join('\n')}</code></pre>`,
  picture: ({ alt, plot }, draw) =>
    Object.entries(WIDTHS)
      .map(
        ([name, width]) =>
          `<figure class="${name}" role="img" aria-label="${escaped(alt)}">${draw(plot, width)}</figure>`,
      )
      .join('\n'),
  table: ({ columns, rows, numbers }) => {
    const row = (cells, tag) =>
      `<tr>${cells
        .map((text, i) => `<${tag}${numbers.includes(i) ? ' class="number"' : ''}>${textOf(text)}</${tag}>`)
        .join('')}</tr>`
    return [
      '<div class="table"><table>',
      `<thead>${row(columns, 'th')}</thead>`,
      `<tbody>${rows.map((cells) => row(cells, 'td')).join('\n')}</tbody>`,
      '</table></div>',
    ].join('\n')
  },
}

function textOf(text) {
  return [text].flat().map(partOf).join('')
}

function partOf(part) {
  if (typeof part === 'string') return escaped(part)
  if (part.form === 'code') return `<code>${escaped(part.text)}</code>`
  if (part.form === 'strong') return `<strong>${escaped(part.text)}</strong>`
  return `<a href="${escaped(part.target)}">${escaped(part.text)}</a>`
}

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escaped(text) {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character])
}
