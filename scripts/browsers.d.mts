export const CHROMIUM: string
export const FIREFOX: string
export const QUIET_FLAGS: readonly string[]
export const FIREFOX_LAUNCH: { readonly channel: 'moz-firefox'; readonly executablePath: string }
export const FIREFOX_CONTEXT: {
  readonly colorScheme: null
  readonly reducedMotion: null
  readonly forcedColors: null
  readonly contrast: null
}
export const ISOLATING: Readonly<Record<string, string>>
