import { encodingName } from '../api/encoding.ts'
import { OPEN_OPTIONS, openRequest, ownOptions } from '../api/options.ts'
import { policyChange, policyOf } from '../api/policy.ts'
import { Events, type EventName } from '../engine/events.ts'
import { VarveError } from '../errors.ts'
import { pathNameOf } from '../fs/opfs-path.ts'
import type { News } from '../remote/messages.ts'
import type { Opening } from '../remote/mirror.ts'
import { errorOf, type PlainError } from '../remote/plain-error.ts'
import { Connection, type ConnectionRequest } from './connection.ts'
import { PageDatabase } from './database.ts'
import { noteDatabase, wasNoted } from './eviction.ts'
import { watchDatabase } from './forgotten.ts'
import { loadEngine, startWorker } from './engine-script.ts'
import { Line } from './line.ts'
import { PageMemory, type LoadReader } from './memory.ts'
import { refuseSyncTwins } from './sync-twins.ts'
import { pageView, ViewTable, type Remote } from './view.ts'
import { WriteGroups } from './write-groups.ts'

/** Opens a database from a page: in a worker that this starts, or with the tab that has it. @throws what `open` throws */
export function openOnPage(location: string, options: unknown): Promise<PageDatabase> {
  const loadReader = globalThis.crossOriginIsolated ? loadEngine : undefined
  return openOver(location, options, (request) => Connection.open(request), loadReader)
}

/** Opens one over a connection that `connect` makes. `loadReader`: for pages that share memory with their workers. @throws what `open` throws */
export async function openOver(
  location: string,
  options: unknown,
  connect: (request: ConnectionRequest) => Promise<{ end(): void }>,
  loadReader?: LoadReader,
): Promise<PageDatabase> {
  refuseSyncTwins()
  const bag = ownOptions(options, OPEN_OPTIONS, 'open')
  const request = openRequest(bag)
  const { keyEncoding, valueEncoding, createWorker, engine } = request
  policyOf(policyChange(request.policy))
  const line = new Line()
  const views = new ViewTable(line)
  const groups = new WriteGroups(line, engine.maxPendingBytes)
  const memory = new PageMemory(line, loadReader)
  const events = new Events()
  let remote: Remote | undefined
  line.onNews = (news) => {
    if (remote !== undefined && news.figures !== undefined) remote.figures = news.figures
    passOn(news, events)
  }
  const path = pathNameOf(location)
  const connection = await connect({
    location,
    path,
    options: {
      ...travelling(bag),
      keyEncoding: wireName(keyEncoding, 'keyEncoding'),
      valueEncoding: wireName(valueEncoding, 'valueEncoding'),
    },
    isShared: request.multiTab,
    startWorker: () => startWorker(createWorker),
    line,
    views,
    refusal: ({ durability }) => {
      if (engine.errorIfExists && remote === undefined)
        return new VarveError('EXISTS', `There is a database in '${location}' already.`)
      if (durability !== 'none' || engine.durability === 'none') return undefined
      return new VarveError(
        'LOCKED',
        `Another tab has the database in '${location}' open with durability 'none', which keeps nothing; close it there.`,
      )
    },
    onOpening: (opening, isOwn) => {
      if (remote === undefined) {
        noteRecovery(opening, path, isOwn)
        const { durability } = engine
        const shared = { location, line, groups, views, memory, durability }
        remote = { ...shared, opening, figures: opening, isClosed: false, nextId: 1 }
      } else {
        // NOTE: what recovery found is of the moment when this page opened the database.
        remote.opening = { ...opening, recovery: remote.opening.recovery }
        remote.figures = opening
      }
    },
  })
  const opened = remote as unknown as Remote
  try {
    const lifeline = {}
    const view = pageView(opened, lifeline, '', opened.opening.main, keyEncoding, valueEncoding)
    watchDatabase(lifeline, () => {
      const end = (): void => connection.end()
      line.call('close', []).then(end, end)
    })
    return new PageDatabase(view, events, () => connection.end())
  } catch (error) {
    await line.call('close', []).catch(() => undefined)
    connection.end()
    throw error
  }
}

/** The options that the worker gets. */
function travelling(bag: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const options = { ...bag }
  delete options['createWorker']
  delete options['multiTab']
  return options
}

/** What of the recovery concerns this page, which did not make the database if another tab has it open. */
function noteRecovery({ recovery }: Opening, path: string, isOwn: boolean): void {
  if (!isOwn) delete recovery.isNew
  if (recovery.isNew === true && wasNoted(path)) recovery.wasEvicted = true
  noteDatabase(path)
}

function wireName(encoding: unknown, option: string): string | undefined {
  const name = encodingName(encoding, option)
  return name ?? (encoding as string | undefined)
}

function passOn({ events: happened = [] }: News, events: Events): void {
  for (const [name, event] of happened) {
    const told = 'error' in event ? { ...event, error: errorOf(event.error as PlainError) } : event
    events.emit(name as EventName, told as never)
  }
}
