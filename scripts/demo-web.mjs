// The demo in a browser: serves a page over the same cities, whose database is in the browser itself. `npm run demo:web -- --port 8080`.
import { parseArgs } from 'node:util'
import { serveDemo } from './demo-web/server.mjs'

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } })
const port = Number(values.port)
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  process.stderr.write(`--port must be a number from 0 to 65535, not ${values.port}\n`)
  process.exit(2)
}

try {
  const { url } = await serveDemo(port)
  process.stdout.write(`The demo is at ${url} (Chromium or Firefox); end it with Ctrl+C.\n`)
} catch (error) {
  const isTaken = error.code === 'EADDRINUSE'
  process.stderr.write(
    isTaken
      ? `Port ${port} is taken; choose another one with --port.\n`
      : `The demo cannot start: ${error.message}\n`,
  )
  process.exit(1)
}
