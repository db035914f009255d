/** The forms of the report: Markdown, HTML, and what the chart library is asked to draw. */
import { describe, expect, it } from 'vitest'
import {
  blocksOf,
  code,
  commands,
  heading,
  link,
  paragraph,
  picture,
  strong,
  table,
} from '../../bench/report/document.mjs'
import { htmlOf } from '../../bench/report/html.mjs'
import { markdownOf } from '../../bench/report/markdown.mjs'
import { chartOf, ratioPlot } from '../../bench/report/plots.mjs'

const row = (name: string, ratio: number, isMissed = false, target?: number) => ({
  name,
  ratio,
  said: `${ratio} × lmdb`,
  saidShort: `${ratio}`,
  isMissed,
  ...(target !== undefined && { target }),
})
const PLOT = ratioPlot([row('a', 4), row('b', 2, true, 3), row('c', 0.2)])
const HOSTILE = '<b>|*_[`\\&"'

describe('markdown', () => {
  it('escapes what would be markup', () => {
    expect(markdownOf([paragraph(HOSTILE)], '')).toBe('\\<b\\>\\|\\*\\_\\[\\`\\\\&"\n')
  })

  it('has tables with numbers to the right, and bars in cells that end none', () => {
    expect(markdownOf([table(['a', 'b'], [['1|2', [code('x|y'), strong('z')]]])], '')).toBe(
      '| a | b |\n| --- | --: |\n| 1\\|2 | `x\\|y`**z** |\n',
    )
  })

  it('has pictures beside the page, headings, links and commands', () => {
    const blocks = [
      heading(2, 'Head'),
      picture('name', 'what it shows', PLOT),
      paragraph(link('page', 'page.md')),
      commands(['npm test']),
    ]
    expect(markdownOf(blocks, 'images')).toBe(
      '## Head\n\n![what it shows](images/name.svg)\n\n[page](page.md)\n\n```sh\nnpm test\n```\n',
    )
  })
})

describe('html', () => {
  const draw = (_: unknown, width: number): string => `<svg width="${width}"></svg>`

  it('escapes what would be markup', () => {
    const html = htmlOf(
      [
        heading(1, HOSTILE),
        paragraph(code(HOSTILE), link(HOSTILE, HOSTILE)),
        table([HOSTILE], [[HOSTILE]]),
        commands([HOSTILE]),
        picture('name', HOSTILE, PLOT),
      ],
      draw,
    )
    expect(html).not.toContain('<b>')
    expect(html.split('&lt;b&gt;|*_[`\\&amp;&quot;')).toHaveLength(1 + 10)
  })

  it('needs no other file, and has a picture for wide and one for narrow windows', () => {
    const html = htmlOf([heading(1, 'Title'), picture('name', 'what', PLOT)], draw)
    expect(html).toContain('<title>Title</title>')
    expect(html).not.toMatch(/<script|<link|src=|url\(|@import/)
    expect(html).toContain('<figure class="wide" role="img" aria-label="what"><svg width="860">')
    expect(html).toContain('<figure class="narrow" role="img" aria-label="what"><svg width="360">')
    expect(html).toContain('prefers-color-scheme: dark')
  })
})

describe('notes', () => {
  it('are paragraphs with code, strong words and links', () => {
    expect(blocksOf('One `code` and **two**\nlines.\n\n[Page](a.md)\n')).toEqual([
      paragraph('One ', code('code'), ' and ', strong('two'), ' lines.'),
      paragraph(link('Page', 'a.md')),
    ])
  })
})

describe('the plot of ratios', () => {
  it.each([360, 860])('has 1 where its bars start and on a line of its axis, %d pixels wide', (width) => {
    const { xAxis, series } = chartOf(PLOT, width).option
    expect(Math.abs(xAxis.min % xAxis.interval)).toBe(0)
    expect(xAxis.min).toBeLessThan(Math.log2(0.2))
    expect(xAxis.max).toBeGreaterThanOrEqual(2)
    expect(series.map(({ name, data }) => [name, data])).toEqual([
      ['ahead', [{ value: [2, 0] }]],
      ['ahead, misses its bar', [{ value: [1, 1] }]],
      ['behind', [{ value: [Math.log2(0.2), 2] }]],
      ['bar', [{ value: [Math.log2(3), 1] }]],
    ])
  })
})
