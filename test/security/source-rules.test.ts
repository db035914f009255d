/** Rules about the sources that no compiler keeps (docs/security.md): what may stand where. */
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { calleeOf, filesOf, findAll } from './syntax.ts'

describe('the kernel', () => {
  it('touches memory in its accessors only, and in the builds that are explored and guarded', () => {
    const touching = findAll('assembly', (node) =>
      /^(load|store|(atomic|memory)\.\w+|(v128|[if](8x16|16x8|32x4|64x2|32|64))\.(load|store|atomic)\w*)\b/.test(
        calleeOf(node),
      ),
    )
    const files = filesOf(touching).filter((file) => !/^assembly\/(explored|guarded)\//.test(file))
    expect(files).toEqual(['assembly/memory/bytes.ts'])
  })

  it('compares a length with what is left, never a sum with an end: a sum may wrap', () => {
    const isEnd = (side: ts.Node): boolean => /^\w*([eE]nd|[lL]imit)$/.test(side.getText())
    // NOTE: a small constant added to a pointer into a page does not wrap.
    const isSum = (side: ts.Node): boolean =>
      ts.isBinaryExpression(side) &&
      side.operatorToken.kind === ts.SyntaxKind.PlusToken &&
      ![side.left, side.right].some((part) => /^([A-Z0-9_]+|\d+)$/.test(part.getText()))
    const sums = findAll(
      'assembly',
      (node) =>
        ts.isBinaryExpression(node) &&
        /^[<>]=?$/.test(node.operatorToken.getText()) &&
        ((isSum(node.left) && isEnd(node.right)) || (isSum(node.right) && isEnd(node.left))),
    )
    // Pages of the cache, counted.
    expect(sums.filter(({ file }) => file !== 'assembly/cache/shard.ts')).toEqual([])
  })
})

describe('the policy', () => {
  it('makes no code of data', () => {
    const calls = findAll('src', (node) => /^(eval|Function|import|require)$/.test(calleeOf(node)))
    // The command finds classic-level where the user has installed it: its path comes from Node, its name is fixed. A worker in a browser has the engine from text that is in the package.
    expect(filesOf(calls)).toEqual(['src/cli/classic-level.ts', 'src/page/engine-script.ts'])
    const options = findAll('src', (node) => ts.isPropertyAssignment(node) && node.name.getText() === 'eval')
    // The script of the background thread, which is text in the package.
    expect(options).toEqual([{ file: 'src/workers/node-threads.ts', text: 'eval: true' }])
  })

  it('makes no regular expressions of data, and uses none on keys, values and keyspace names', () => {
    expect(findAll('src', (node) => calleeOf(node) === 'RegExp')).toEqual([])
    const files = filesOf(findAll('src', ts.isRegularExpressionLiteral))
    // Besides the command, on its arguments and on messages: names of files and what hosts answer; names of properties of LevelDB.
    expect(files.filter((file) => !/^src\/(cli|fs)\//.test(file))).toEqual([
      'src/engine/open.ts',
      'src/level/properties.ts',
    ])
  })

  it('has JSON in the json encoding and in the command, in no format', () => {
    const files = filesOf(findAll('src', (node) => calleeOf(node).startsWith('JSON.')))
    // Of the last two, one has it in a message of a bug, the other compares two policies.
    expect(files.filter((file) => !file.startsWith('src/cli/'))).toEqual([
      'src/api/encoding.ts',
      'src/fs/memory.ts',
      'src/version/keyspace-policy.ts',
    ])
  })

  it('draws nothing from Math.random', () => {
    expect(findAll('src', (node) => calleeOf(node) === 'Math.random')).toEqual([])
  })

  it('removes files one by one, and a directory only if it is empty', () => {
    const removals = findAll('src', (node) =>
      /(^|\.)(rm|rmSync|rmdir|rmdirSync|unlink|unlinkSync)$/.test(calleeOf(node)),
    )
    expect(filesOf(removals)).toEqual(['src/fs/lock-socket.ts', 'src/fs/node.ts', 'src/fs/owner-lock.ts'])
    expect(removals.filter(({ text }) => /^rm(Sync)?\(/.test(text))).toEqual([])
    const recursive = findAll(
      'src',
      (node) => ts.isPropertyAssignment(node) && node.name.getText() === 'recursive',
    )
    // A directory that is made, as LevelDB makes it.
    expect(filesOf(recursive)).toEqual(['src/level/engine.ts'])
  })
})
