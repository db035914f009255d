export declare function compileKernel(directory: string, target: 'release' | 'debug'): Promise<string>
