/**
 * The report before it has a form: a list of blocks, which the renderers write as Markdown and HTML. Text is a string, or a list of strings and of what the functions here make;
 * strings are what they are, never markup.
 */
export const heading = (level, text) => ({ kind: 'heading', level, text })
export const paragraph = (...text) => ({ kind: 'paragraph', text })
export const commands = (lines) => ({ kind: 'commands', lines })
/** `numbers`: the columns that are aligned to the right. */
export const table = (columns, rows, numbers = columns.map((_, i) => i).slice(1)) => ({
  kind: 'table',
  columns,
  rows,
  numbers,
})
/** `name`: of the picture's file; `alt`: what it shows, in words; `plot`: what plots.mjs takes. */
export const picture = (name, alt, plot) => ({ kind: 'picture', name, alt, plot })

export const code = (text) => ({ form: 'code', text })
export const strong = (text) => ({ form: 'strong', text })
export const link = (text, target) => ({ form: 'link', text, target })

const MARKUP = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)\s]+)\)/g

/** The blocks of a text that people wrote: paragraphs of words with `code`, **strong** and [links](target). */
export function blocksOf(markdown) {
  return markdown
    .trim()
    .split(/\n\s*\n/)
    .map((text) => paragraph(...partsOf(text.replace(/\s*\n\s*/g, ' '))))
}

function partsOf(text) {
  const parts = []
  let end = 0
  for (const match of text.matchAll(MARKUP)) {
    if (match.index > end) parts.push(text.slice(end, match.index))
    const [whole, asCode, asStrong, words, target] = match
    parts.push(
      asCode !== undefined ? code(asCode) : asStrong !== undefined ? strong(asStrong) : link(words, target),
    )
    end = match.index + whole.length
  }
  if (end < text.length) parts.push(text.slice(end))
  return parts
}
