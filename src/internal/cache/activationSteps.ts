/**
 * The order in which versions leave a base root.
 */
import { Array as Arr, Option } from "effect"
import * as PluginVersion from "../../PluginVersion.ts"
import type { BaseRoot } from "./baseRoots.ts"

/** The steps in which a version becomes the active one of a base root. */
export const activationSteps = (
  version: PluginVersion.PluginVersion,
  { active, versions }: BaseRoot
) => {
  const isActive = (other: PluginVersion.PluginVersion) => Option.contains(active, other)
  const others = versions.filter((other) => other !== version)
  const outranking = others.filter((other) => PluginVersion.outranks(other, version))
  // The active version is removed last, so that usually no third version is active in between.
  const toRemove = [
    ...outranking.filter((other) => !isActive(other)),
    ...outranking.filter(isActive)
  ]
  const states = [
    others,
    ...Arr.scan(toRemove, [...others, version], (present, gone) =>
      present.filter((other) => other !== gone)
    )
  ]
  return {
    /** The versions to remove once the new one is in place, in this order. */
    toRemove,
    /**
     * True if a third version is active for a moment: while the active one is replaced, or because
     * versions have no total order, so that the removal of one can make any other one active.
     */
    activatesThird: states.some((present) =>
      Option.exists(
        PluginVersion.active(present),
        (current) => current !== version && !isActive(current)
      )
    )
  }
}
