import type { Server } from 'node:http'

export function serveDemo(port: number): Promise<{ server: Server; url: string }>
