import tseslint from 'typescript-eslint'

/** Folders of src/ from the bottom up; a file may import its own folder and those named here (docs/architecture.md). */
const MAY_IMPORT = {
  fs: [],
  sync: [],
  kernel: [],
  version: ['fs', 'sync', 'kernel'],
  journal: ['fs', 'sync', 'kernel'],
  table: ['fs', 'sync', 'kernel', 'version'],
  compaction: ['version'],
  engine: ['fs', 'sync', 'kernel', 'version', 'journal', 'table', 'compaction'],
  verify: ['fs', 'sync', 'kernel', 'version', 'journal', 'table', 'engine'],
  salvage: ['fs', 'sync', 'kernel', 'version', 'journal', 'table', 'engine'],
  workers: ['fs', 'sync', 'kernel', 'version', 'journal', 'table', 'engine', 'verify'],
  api: [
    'fs',
    'sync',
    'kernel',
    'version',
    'journal',
    'table',
    'compaction',
    'engine',
    'verify',
    'salvage',
    'workers',
  ],
  archive: ['fs'],
  remote: ['fs', 'engine', 'api', 'archive'],
  page: ['fs', 'engine', 'api', 'remote'],
  level: [],
  cli: [],
}
const FOLDERS = Object.keys(MAY_IMPORT)

/** Users of the public API that come with it: they import what everybody imports. */
const USERS = ['level', 'cli']

/** The direction of imports inside src/: nothing below a folder knows it. */
const directions = FOLDERS.flatMap((folder) => {
  const forbidden = FOLDERS.filter((other) => other !== folder && !MAY_IMPORT[folder].includes(other))
  const patterns = forbidden.map((other) => ({
    regex: `^\\.\\./(?:\\.\\./)*${other}/`,
    message: `src/${folder} must not import src/${other} (docs/architecture.md, "Direction of imports").`,
  }))
  if (!USERS.includes(folder)) {
    patterns.push({
      regex: '^\\.\\./(?:\\.\\./)*(?:index|browser)\\.ts$',
      message: 'Only the command and the adapters use the public API.',
    })
  }
  const host = {
    regex: '^node:',
    message: 'Only src/fs, src/workers/node-*.ts and the entry points know the host.',
  }
  const knowsHost = folder === 'fs' || USERS.includes(folder)
  return [
    {
      files: [`src/${folder}/**/*.ts`],
      rules: { 'no-restricted-imports': ['error', { patterns: knowsHost ? patterns : [...patterns, host] }] },
    },
    {
      files: [`src/${folder}/node-*.ts`],
      rules: { 'no-restricted-imports': ['error', { patterns }] },
    },
  ]
})

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'coverage/', 'node_modules/', '**/*.generated.ts'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', '*.config.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json' } },
    rules: {
      eqeqeq: 'error',
      'no-eval': 'error',
      'no-implied-eval': 'off',
      '@typescript-eslint/no-implied-eval': 'error',
      'no-new-func': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      // Implementations of an asynchronous port may have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // `await null` gives up the turn where that is what is meant.
      '@typescript-eslint/await-thenable': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'all' }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      // A generic that appears once gives a caller's type a name (`step<T>()`).
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
    },
  },
  ...directions,
  {
    files: ['assembly/**/*.ts', 'bench/micro/kernel/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { allowInvalidAST: true } },
    rules: {
      // Raw memory goes through the accessors of memory/bytes.ts, where every access states its bounds.
      'no-restricted-syntax': [
        'error',
        {
          selector: 'CallExpression[callee.name=/^(load|store)$/]',
          message: 'Use the accessors of memory/bytes.ts.',
        },
        {
          // The build whose interleavings are explored has points in them (assembly/explored).
          selector: "CallExpression[callee.object.name='atomic']",
          message: 'Use the accessors of memory/bytes.ts.',
        },
        { selector: 'ThrowStatement', message: 'The kernel returns status codes.' },
        { selector: 'NewExpression', message: 'The kernel has no managed objects.' },
      ],
    },
  },
  {
    files: ['assembly/memory/bytes.ts', 'assembly/explored/*.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['**/*.mjs', '*.config.js'],
    extends: [tseslint.configs.base],
    rules: { eqeqeq: 'error', 'no-unused-vars': 'error' },
  },
)
