/**
 * Every cache that can come about when passes are stopped at any step, again and again, while the
 * account gives the plugin to other owners and other versions.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as CacheTruth from "../support/cacheTruth.ts"
import {
  changeName,
  description,
  fingerprint,
  type Point,
  powerLosses,
  record
} from "../support/crashPoints.ts"
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

const essences = new Map<string, string>()
const texts = new Map<string, string>()

/**
 * The same for disks that differ in leftovers, which a pass sweeps first, or in who is who: what
 * stands there, and what would if all that was not synced were lost.
 */
const essence = (disk: Disk, lost: Disk): string => {
  const present = fingerprint(disk)
  const both = `${present.length} ${present}${fingerprint(lost)}`
  const found = essences.get(both)
  if (found !== undefined) return found
  const seen: Array<string> = []
  const made = [disk, lost]
    .flatMap((disk) => description(disk).split("\n"))
    .filter((line) => !/codex-plugins-(?:stage|sidecar|claim)-/.test(line))
    .join("\n")
    .replaceAll(/(?<=Plugin_| of )[A-C]/g, (owner) => {
      if (!seen.includes(owner)) seen.push(owner)
      return `owner ${seen.indexOf(owner)}`
    })
  // Equal texts are kept once.
  const one = texts.get(made) ?? made
  texts.set(one, one)
  essences.set(both, one)
  return one
}

/** The other steps change nothing but what is being staged. */
const isSeen = ({ path, syscall }: MemoryFileSystem.Step): boolean =>
  path.startsWith(CacheTruth.cacheRoot) || path.includes("in-doubt") || syscall === "rename"

it.effect(
  "no identity is ever wrong, whatever is stopped and whoever owns the plugin next",
  () =>
    Effect.gen(function* () {
      const empty = yield* MemoryFileSystem.make()
      yield* empty.fileSystem.makeDirectory(root)
      empty.sync()
      const queue: Array<Point> = [{ at: "nothing is installed", disk: empty }]
      const known = new Set([essence(empty, empty)])
      const lost = new Set<string>()
      let points = 0

      const meet = (point: Point, lost: Disk) => {
        points++
        const name = essence(point.disk, lost)
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
          const { points } = yield* record(from.disk, (disk) => pass(disk, target), isSeen)
          for (const { at, disk } of points) {
            const point = { at: `${from.at}\n→ a pass for ${wanted}: ${at}`, disk }
            const unsynced = disk.crash(MemoryFileSystem.loseUnsynced)
            const losses = [
              meet(point, unsynced),
              ...new Set(disk.unsynced().entries.map(changeName))
            ].join()
            if (lost.has(losses)) continue
            lost.add(losses)
            for (const loss of powerLosses(point, 0)) meet(loss, loss.disk)
          }
          const last = points.at(-1)!.disk
          assert.deepStrictEqual(yield* CacheTruth.differences(last, target), [], from.at)
        }
      }
      console.log(`${points} points, ${known.size} different caches`)
    }),
  60_000
)
