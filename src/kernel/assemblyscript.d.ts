/** Number types of AssemblyScript, so that TypeScript can import the kernel's layout file. */
declare type u32 = number
declare type f64 = number
