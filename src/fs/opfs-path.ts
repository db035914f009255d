/** The names of the directories that lead to a database, from the root of the site's storage on. @throws TypeError */
export function pathOf(location: string): string[] {
  const path = location.split('/').filter((name) => name !== '' && name !== '.')
  if (path.length === 0 || path.includes('..'))
    throw new TypeError('the location must be the path of a directory in the storage of this site')
  return path
}

/** The location in its one spelling, by which locks and channels are named. @throws TypeError */
export function pathNameOf(location: string): string {
  return pathOf(location).join('/')
}
