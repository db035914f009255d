/** The report as Markdown. `folder`: where its pictures are, as seen from the page. */
export function markdownOf(blocks, folder) {
  return `${blocks.map((block) => WRITERS[block.kind](block, folder)).join('\n\n')}\n`
}

const WRITERS = {
  heading: ({ level, text }) => `${'#'.repeat(level)} ${textOf(text)}`,
  paragraph: ({ text }) => textOf(text),
  commands: ({ lines }) => ['```sh', ...lines, '```'].join('\n'),
  picture: ({ name, alt }, folder) => `![${escaped(alt)}](${folder}/${name}.svg)`,
  table: ({ columns, rows, numbers }) =>
    [
      columns.map(cellOf),
      columns.map((_, i) => (numbers.includes(i) ? '--:' : '---')),
      ...rows.map((row) => row.map(cellOf)),
    ]
      .map((cells) => `| ${cells.join(' | ')} |`)
      .join('\n'),
}

/** NOTE: a bar ends a cell in code, too. */
function cellOf(text) {
  return [text]
    .flat()
    .map((part) => (part.form === 'code' ? partOf(part).replaceAll('|', '\\|') : partOf(part)))
    .join('')
}

function textOf(text) {
  return [text].flat().map(partOf).join('')
}

function partOf(part) {
  if (typeof part === 'string') return escaped(part)
  if (part.form === 'code') return `\`${part.text}\``
  if (part.form === 'strong') return `**${escaped(part.text)}**`
  return `[${escaped(part.text)}](${part.target})`
}

function escaped(text) {
  return text.replace(/[\\`*_<>[\]|]/g, '\\$&')
}
