/** Keeps the page, so that it comes without a network, too. The cities are in the database once they were loaded. */
const CACHE = 'varve-demo'
const PAGE = ['/', '/style.css', '/app.js', '/icon.svg']

addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(PAGE))
      .then(() => skipWaiting()),
  )
})

addEventListener('activate', (event) => event.waitUntil(clients.claim()))

addEventListener('fetch', (event) => {
  const { pathname } = new URL(event.request.url)
  if (event.request.method !== 'GET' || !PAGE.includes(pathname)) return
  event.respondWith(fresh(event.request))
})

/** What the network has, else what was kept. */
async function fresh(request) {
  const cache = await caches.open(CACHE)
  try {
    const response = await fetch(request)
    if (response.ok) await cache.put(request, response.clone())
    return response
  } catch (error) {
    const kept = await cache.match(request)
    if (kept === undefined) throw error
    return kept
  }
}
