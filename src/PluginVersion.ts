/**
 * The folder name of one cached version, the order of such names, and which of several is active.
 */
import { Array as Arr, Option, Order, Result, Schema, SemVer } from "effect"

/** Non-empty, neither `.` nor `..`; ASCII letters, digits, `-`, `_`, `.`, `+`. */
export const PluginVersion = Schema.String.check(
  Schema.isPattern(/^(?!\.{1,2}$)[A-Za-z0-9._+-]+$/, {
    expected: "a version of ASCII letters, digits, `-`, `_`, `.`, `+` that is neither `.` nor `..`"
  })
).pipe(Schema.brand("effect-codex-plugins/PluginVersion"))
export type PluginVersion = typeof PluginVersion.Type

/** As {@link PluginVersion}, but white space around it is dropped first, as is done with the backend's versions. */
export const PluginVersionFromUntrimmed = Schema.Trim.pipe(Schema.decodeTo(PluginVersion))

/** The version of a local install whose manifest names none; active wherever it stands. */
export const local: PluginVersion = PluginVersion.make("local")

/** SemVer leaves build metadata out of precedence; Codex ranks it last, numbers below words. */
const buildOrder: Order.Order<ReadonlyArray<string>> = Order.Array(
  Order.make((self, that) => {
    const [selfIsNumber, thatIsNumber] = [/^\d+$/.test(self), /^\d+$/.test(that)]
    if (selfIsNumber !== thatIsNumber) return selfIsNumber ? -1 : 1
    if (!selfIsNumber) return Order.String(self, that)
    const [selfNumber, thatNumber] = [BigInt(self), BigInt(that)]
    return Order.BigInt(selfNumber, thatNumber) || Order.Number(self.length, that.length)
  })
)

const semVerOrder: Order.Order<SemVer.SemVer> = Order.combine(
  SemVer.Order,
  Order.mapInput(buildOrder, (version) => version.build)
)

/**
 * By SemVer where both are SemVer, as plain strings otherwise. The mixture is no total order
 * (`10.0.0` > `9.0.0` > `5x` > `10.0.0`), so use {@link active} to choose among several.
 */
export const compare = (self: PluginVersion, that: PluginVersion): -1 | 0 | 1 => {
  const [left, right] = [SemVer.parse(self), SemVer.parse(that)]
  return Result.isSuccess(left) && Result.isSuccess(right)
    ? semVerOrder(left.success, right.success)
    : Order.String(self, that)
}

/** The version that readers take: `local` if it is there, else the greatest. */
export const active = (versions: Iterable<PluginVersion>): Option.Option<PluginVersion> => {
  const sorted = Arr.sort(versions, Order.String)
  return sorted.includes(local)
    ? Option.some(local)
    : Arr.last(Arr.sort(sorted, Order.make(compare)))
}
