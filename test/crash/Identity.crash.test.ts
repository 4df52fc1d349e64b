/**
 * Explores every state of a cache that results when passes are stopped at any step, repeatedly, while
 * the account assigns the plugin to other owners and versions.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as CacheContents from "../support/cacheContents.ts"
import { changeName, type Point, powerLosses, record } from "../support/crashPoints.ts"
import { description, fingerprint } from "../support/fingerprints.ts"
import { type Build, build, pass, root } from "../support/pluginWorld.ts"

type Disk = MemoryFileSystem.MemoryDisk

/** The builds that the account may have next. One unknown owner represents all others. */
const targetsFor = (disk: Disk): ReadonlyArray<ReadonlyArray<Build>> => {
  const text = description(disk)
  const isKnown = (owner: string) =>
    text.includes(`Plugin_${owner}`) || text.includes(` of ${owner}`)
  const owners = ["A", "B", "C"]
  const unknownOwner = owners.filter((owner) => !isKnown(owner)).slice(0, 1)
  return [
    [],
    ...[...owners.filter(isKnown), ...unknownOwner].flatMap((owner) =>
      ["1.0.0", "2.0.0"].map((version) => [build(owner, version)])
    )
  ]
}

/** By the fingerprint of a disk, then by that of the disk after the loss of everything unsynced. */
const stateKeys = new Map<string, Map<string, number>>()
const texts = new Map<string, number>()

/** By the fingerprint of a disk. */
const descriptions = new Map<string, string>()

/** The entries of a disk that a pass does not sweep. */
const lasting = ({ disk, fingerprint }: FingerprintedDisk): string => {
  let lines = descriptions.get(fingerprint)
  if (lines === undefined) {
    lines = description(disk)
      .split("\n")
      .filter((line) => !/codex-plugins-(?:stage|sidecar|claim)-/.test(line))
      .join("\n")
    descriptions.set(fingerprint, lines)
  }
  return lines
}

const numberOf = (disks: ReadonlyArray<FingerprintedDisk>): number => {
  const seen: Array<string> = []
  const made = disks
    .map(lasting)
    .join("\n")
    .replaceAll(/(?<=Plugin_| of )[A-C]/g, (owner) => {
      if (!seen.includes(owner)) seen.push(owner)
      return `owner ${seen.indexOf(owner)}`
    })
  const known = texts.get(made) ?? texts.size
  texts.set(made, known)
  return known
}

/** A disk and its fingerprint. */
interface FingerprintedDisk {
  readonly disk: Disk
  readonly fingerprint: string
}

const withFingerprint = (disk: Disk): FingerprintedDisk => ({
  disk,
  fingerprint: fingerprint(disk)
})

/**
 * A number that is equal for disks that differ only in leftovers, which a pass sweeps first, or in the
 * names of owners. It covers the disk as it is and after the loss of everything unsynced.
 */
const stateKey = (present: FingerprintedDisk, lost: FingerprintedDisk): number => {
  let afterLoss = stateKeys.get(present.fingerprint)
  if (afterLoss === undefined) stateKeys.set(present.fingerprint, (afterLoss = new Map()))
  let known = afterLoss.get(lost.fingerprint)
  if (known === undefined) {
    known = numberOf([present, lost])
    afterLoss.set(lost.fingerprint, known)
  }
  return known
}

/** True for steps that change more than staged files. */
const changesCache = ({ path, syscall }: MemoryFileSystem.Step): boolean =>
  path.startsWith(CacheContents.cacheRoot) || path.includes("in-doubt") || syscall === "rename"

it.effect(
  "no identity is ever wrong, at whichever steps passes are stopped and whoever owns the plugin next",
  () =>
    Effect.gen(function* () {
      const empty = yield* MemoryFileSystem.make()
      yield* empty.fileSystem.makeDirectory(root)
      empty.sync()
      const queue: Array<Point> = [{ at: "nothing is installed", disk: empty }]
      const known = new Set([stateKey(withFingerprint(empty), withFingerprint(empty))])
      const lost = new Set<string>()
      const ends = new Set<string>()
      let points = 0

      /** Returns the key of a disk. `lost` may be left out if everything on the disk is synced. */
      const visit = (point: Point, lost?: FingerprintedDisk) => {
        points++
        const present = withFingerprint(point.disk)
        const name = stateKey(present, lost ?? present)
        if (!known.has(name)) {
          known.add(name)
          assert.deepStrictEqual(
            CacheContents.violations(CacheContents.read(point.disk)),
            [],
            point.at
          )
          queue.push(point)
        }
        return name
      }

      for (const from of queue) {
        for (const target of targetsFor(from.disk)) {
          const wanted = target.map(({ owner, version }) => `${owner}/${version}`).join()
          /** The number of syncs before each point. */
          const syncs: Array<number> = []
          let made = 0
          const { points } = yield* record(
            from.disk,
            (disk) => pass(disk, target),
            (step) => {
              const isPoint = changesCache(step)
              if (isPoint) syncs.push(made)
              if (step.syscall === "fsync") made++
              return isPoint
            }
          )
          syncs.push(made)
          let lossOfAll: FingerprintedDisk | undefined
          for (const [nth, { at, disk }] of points.entries()) {
            const point = { at: `${from.at}\n→ a pass for ${wanted}: ${at}`, disk }
            // Only a sync changes the result of losing everything unsynced.
            if (lossOfAll === undefined || syncs[nth] !== syncs[nth - 1]) {
              lossOfAll = withFingerprint(disk.crash(MemoryFileSystem.loseUnsynced))
            }
            const losses = [
              visit(point, lossOfAll),
              ...new Set(disk.unsyncedEntries().map(changeName))
            ].join()
            if (lost.has(losses)) continue
            lost.add(losses)
            for (const loss of powerLosses(point, 0)) visit(loss)
          }
          const last = points.at(-1)!.disk
          // The same disk with the same plugins needs no second check.
          const end = `${wanted} ${fingerprint(last)}`
          if (ends.has(end)) continue
          ends.add(end)
          assert.deepStrictEqual(yield* CacheContents.differences(last, target), [], from.at)
        }
      }
      console.log(`${points} points, ${known.size} different caches`)
    }),
  60_000
)
