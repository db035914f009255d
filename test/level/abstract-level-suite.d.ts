declare module 'abstract-level/test' {
  interface SuiteOptions {
    test: (name: string, body: (t: import('./tape-shim.ts').TapeTest) => unknown) => void
    factory: (options?: import('abstract-level').AbstractDatabaseOptions<string, string>) => unknown
  }
  export default function suite(options: SuiteOptions): void
}
