/** Searching the sources by their syntax trees. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import ts from 'typescript'

export interface Finding {
  readonly file: string
  /** On one line. */
  readonly text: string
}

const trees = new Map<string, readonly ts.SourceFile[]>()

/** The files of a folder that are under version control, or will be: no generated ones. */
function treesOf(folder: string): readonly ts.SourceFile[] {
  const known = trees.get(folder)
  if (known !== undefined) return known
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', folder], {
    encoding: 'utf8',
  })
  const files = listed.split('\n').filter((file) => file.endsWith('.ts'))
  const parsed = files.map((file) =>
    ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true),
  )
  trees.set(folder, parsed)
  return parsed
}

/** All nodes of the files in a folder that match. */
export function findAll(folder: string, matches: (node: ts.Node) => boolean): Finding[] {
  const found: Finding[] = []
  for (const source of treesOf(folder)) {
    const visit = (node: ts.Node): void => {
      if (matches(node)) found.push({ file: source.fileName, text: node.getText().replace(/\s+/g, ' ') })
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  return found
}

export function filesOf(found: readonly Finding[]): string[] {
  return [...new Set(found.map(({ file }) => file))].sort()
}

/** What is called or constructed, as it is written; '' for other nodes. */
export function calleeOf(node: ts.Node): string {
  return ts.isCallExpression(node) || ts.isNewExpression(node) ? node.expression.getText() : ''
}
