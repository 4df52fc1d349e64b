/**
 * Every cache that can come about when passes are stopped at any step, again and again, while the
 * account gives the plugin to other owners and other versions.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as CacheTruth from "../support/cacheTruth.ts"
import { changeName, type Point, powerLosses, record } from "../support/crashPoints.ts"
import { description, fingerprint } from "../support/fingerprints.ts"
import { type Build, build, pass, root } from "../support/pluginWorld.ts"

type Disk = MemoryFileSystem.MemoryDisk

/** The builds that the account may have next. One owner that the disk does not know stands for all of them. */
const targetsFor = (disk: Disk): ReadonlyArray<ReadonlyArray<Build>> => {
  const standing = description(disk)
  const isKnown = (owner: string) =>
    standing.includes(`Plugin_${owner}`) || standing.includes(` of ${owner}`)
  const owners = ["A", "B", "C"]
  const stranger = owners.filter((owner) => !isKnown(owner)).slice(0, 1)
  return [
    [],
    ...[...owners.filter(isKnown), ...stranger].flatMap((owner) =>
      ["1.0.0", "2.0.0"].map((version) => [build(owner, version)])
    )
  ]
}

/** By the fingerprints of a disk and of what a power loss leaves of it. */
const essences = new Map<string, Map<string, number>>()
const texts = new Map<string, number>()

const essenceOf = (disks: ReadonlyArray<Disk>): number => {
  const seen: Array<string> = []
  const made = disks
    .flatMap((disk) => description(disk).split("\n"))
    .filter((line) => !/codex-plugins-(?:stage|sidecar|claim)-/.test(line))
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
interface Known {
  readonly disk: Disk
  readonly print: string
}

const printed = (disk: Disk): Known => ({ disk, print: fingerprint(disk) })

/**
 * A number, the same for disks that differ in leftovers, which a pass sweeps first, or in who is who: what
 * stands there, and what would if all that was not synced were lost.
 */
const essence = (present: Known, lost: Known): number => {
  let afterLoss = essences.get(present.print)
  if (afterLoss === undefined) essences.set(present.print, (afterLoss = new Map()))
  let known = afterLoss.get(lost.print)
  if (known === undefined) {
    known = essenceOf([present.disk, lost.disk])
    afterLoss.set(lost.print, known)
  }
  return known
}

/** The other steps change nothing but what is being staged. */
const isSeen = ({ path, syscall }: MemoryFileSystem.Step): boolean =>
  path.startsWith(CacheTruth.cacheRoot) || path.includes("in-doubt") || syscall === "rename"

it.effect(
  "no identity is ever wrong, wherever passes are stopped and whoever owns the plugin next",
  () =>
    Effect.gen(function* () {
      const empty = yield* MemoryFileSystem.make()
      yield* empty.fileSystem.makeDirectory(root)
      empty.sync()
      const queue: Array<Point> = [{ at: "nothing is installed", disk: empty }]
      const known = new Set([essence(printed(empty), printed(empty))])
      const lost = new Set<string>()
      const ends = new Set<string>()
      let points = 0

      /** Without `lost` for a disk that has nothing to lose. */
      const meet = (point: Point, lost?: Known) => {
        points++
        const present = printed(point.disk)
        const name = essence(present, lost ?? present)
        if (!known.has(name)) {
          known.add(name)
          assert.deepStrictEqual(CacheTruth.violations(CacheTruth.read(point.disk)), [], point.at)
          queue.push(point)
        }
        return name
      }

      for (const from of queue) {
        for (const target of targetsFor(from.disk)) {
          const wanted = target.map(({ owner, version }) => `${owner}/${version}`).join()
          /** How many syncs were made before each point. */
          const syncs: Array<number> = []
          let made = 0
          const { points } = yield* record(
            from.disk,
            (disk) => pass(disk, target),
            (step) => {
              const isPoint = isSeen(step)
              if (isPoint) syncs.push(made)
              if (step.syscall === "fsync") made++
              return isPoint
            }
          )
          syncs.push(made)
          let remains: Known | undefined
          for (const [nth, { at, disk }] of points.entries()) {
            const point = { at: `${from.at}\n→ a pass for ${wanted}: ${at}`, disk }
            // Only a sync changes what is left if all that was not synced is lost.
            if (remains === undefined || syncs[nth] !== syncs[nth - 1]) {
              remains = printed(disk.crash(MemoryFileSystem.loseUnsynced))
            }
            const losses = [
              meet(point, remains),
              ...new Set(disk.unsyncedEntries().map(changeName))
            ].join()
            if (lost.has(losses)) continue
            lost.add(losses)
            for (const loss of powerLosses(point, 0)) meet(loss)
          }
          const last = points.at(-1)!.disk
          // The same disk has the same differences from the same plugins.
          const end = `${wanted} ${fingerprint(last)}`
          if (ends.has(end)) continue
          ends.add(end)
          assert.deepStrictEqual(yield* CacheTruth.differences(last, target), [], from.at)
        }
      }
      console.log(`${points} points, ${known.size} different caches`)
    }),
  60_000
)
