import { destroy, estimateStorage, open, requestPersistentStorage } from '../../dist/browser.js'
import { loadCities, search } from './cities.mjs'
import { TreePlot } from './tree-plot.mjs'

const LOCATION = 'cities'
const RESULTS = 12
const FIGURES_MS = 500
const NOTES = 10_000

const element = (id) => document.getElementById(id)
const input = element('search')
const results = element('results')

let db
let operations = 0
let plot
let searching = new AbortController()
let selected = -1

/** Says what failed, in one sentence, where everybody sees it. */
function fail(error) {
  element('status').className = 'bad'
  element('progress').hidden = true
  const code = error.code === undefined ? '' : ` (${error.code})`
  say(`This failed${code}: ${error.message}`)
}

function say(text) {
  element('status').textContent = text
}

async function start() {
  await navigator.serviceWorker?.register('/service-worker.js').catch(() => undefined)
  const began = performance.now()
  db = await open(LOCATION, { keyEncoding: 'utf8', valueEncoding: 'json', memoryLimit: 64 << 20 })
  const openMs = performance.now() - began
  if (db.recovery.wasEvicted) say('The browser had removed the database; it is made again.')
  const progress = element('progress')
  progress.hidden = false
  const isNew = await loadCities(db, (part) => {
    progress.value = part
    say(`Loading the cities: ${Math.round(part * 100)} %`)
  })
  progress.hidden = true
  const count = await db.get('cities loaded')
  say(
    `${count.toLocaleString('en')} cities ${isNew ? 'loaded' : `were here; opened in ${openMs.toFixed(0)} ms`}.`,
  )
  void requestPersistentStorage()
  plot = new TreePlot(element('tree'))
  for (const id of ['search', 'churn', 'compact', 'reset']) element(id).disabled = false
  input.focus()
  await Promise.all([find(), showFigures()])
  setInterval(() => showFigures().catch(fail), FIGURES_MS)
}

// ── search ────────────────────────────────────────────────────────────────────────────────────────────────

async function find() {
  searching.abort()
  searching = new AbortController()
  const { signal } = searching
  const text = input.value.trim()
  const began = performance.now()
  try {
    const { found, count } = await search(db, text, RESULTS, signal)
    if (signal.aborted) return
    operations += 2
    const ms = (performance.now() - began).toFixed(1)
    element('found').textContent =
      `${count.toLocaleString('en')} ${count === 1 ? 'city' : 'cities'}, ${ms} ms`
    results.replaceChildren(...found.map(rowOf))
    selected = -1
  } catch (error) {
    if (error.code !== 'ABORTED') fail(error)
  }
}

function rowOf({ name, country, lat, lng }) {
  const row = document.createElement('li')
  const place = document.createElement('small')
  place.textContent = `${country} ${Number(lat).toFixed(2)}, ${Number(lng).toFixed(2)}`
  row.append(name, place)
  return row
}

/** Arrows go through the results, Enter takes the name, Escape empties the field. */
function onKey(event) {
  const rows = [...results.children]
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (step !== undefined && rows.length > 0) {
    event.preventDefault()
    selected = (selected + step + rows.length) % rows.length
    rows.forEach((row, i) => row.setAttribute('aria-selected', String(i === selected)))
    rows[selected].scrollIntoView({ block: 'nearest' })
  } else if (event.key === 'Enter' && selected >= 0) {
    input.value = rows[selected].firstChild.textContent
    void find()
  } else if (event.key === 'Escape') {
    input.value = ''
    void find()
  }
}

// ── the engine ────────────────────────────────────────────────────────────────────────────────────────────

async function showFigures() {
  // NOTE: figures come with answers.
  await db.has('')
  const { keyspaces, cache, stalls, journalBytes } = db.stats()
  const [tree] = keyspaces
  const stored = await estimateStorage()
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
  const figures = {
    'operations of this page': operations.toLocaleString('en'),
    'levels, tables': `${tree.levels.length}, ${tree.tables}`,
    'in tables, in journals': `${megabytes(tree.tableBytes)}, ${megabytes(journalBytes)}`,
    'cache: blocks, hits': `${cache.blocks.toLocaleString('en')}, ${percentOf(cache.data)}`,
    stalls: String(stalls),
    'flushes, compactions': `${tree.flushes}, ${tree.compactions}`,
    'stored by this site': stored === undefined ? 'unknown' : megabytes(stored.usageBytes),
  }
  element('figures').replaceChildren(
    ...Object.entries(figures).flatMap(([name, value]) => {
      const term = document.createElement('dt')
      term.textContent = name
      const said = document.createElement('dd')
      said.textContent = value
      return [term, said]
    }),
  )
  element('tree-caption').textContent = plot.show(tree)
}

function percentOf({ hits, misses }) {
  return hits + misses === 0 ? '–' : `${((100 * hits) / (hits + misses)).toFixed(1)} %`
}

/** A button that is off while its step runs. */
function onClick(id, step) {
  element(id).addEventListener('click', async () => {
    element(id).disabled = true
    try {
      await step()
    } catch (error) {
      fail(error)
    }
    element(id).disabled = false
  })
}

async function churn() {
  const began = performance.now()
  const writes = []
  for (let i = 0; i < NOTES; i++) {
    const at = Math.floor(Math.random() * 1e6)
    writes.push(db.put(`note/${at}`, { at, text: 'as good as any other note '.repeat(4) }))
    if (writes.length === 1000) await Promise.all(writes.splice(0))
  }
  await Promise.all(writes)
  operations += NOTES
  say(`${NOTES.toLocaleString('en')} notes written in ${(performance.now() - began).toFixed(0)} ms.`)
}

async function compact() {
  const began = performance.now()
  await db.compact({
    onProgress: ({ doneBytes, totalBytes }) =>
      say(`Compacting: ${(doneBytes / 1e6).toFixed(0)} of ${(totalBytes / 1e6).toFixed(0)} MB`),
  })
  operations++
  say(`Compacted in ${(performance.now() - began).toFixed(0)} ms.`)
}

async function reset() {
  await db.close()
  await destroy(LOCATION)
  location.reload()
}

input.addEventListener('input', () => void find())
input.addEventListener('keydown', onKey)
onClick('churn', churn)
onClick('compact', compact)
onClick('reset', reset)
start().catch(fail)
