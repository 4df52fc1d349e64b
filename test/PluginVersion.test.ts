import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Array as Arr, Option, Schema } from "effect"
import * as PluginVersion from "../src/PluginVersion.ts"

const isVersion = Schema.is(PluginVersion.PluginVersion)
const fromUntrimmed = Schema.decodeUnknownOption(PluginVersion.PluginVersionFromUntrimmed)
const versions = (...texts: ReadonlyArray<string>) =>
  texts.map((text) => PluginVersion.PluginVersion.make(text))
const activeOf = (...texts: ReadonlyArray<string>) =>
  Option.getOrNull(PluginVersion.active(versions(...texts)))

describe("PluginVersion", () => {
  it.each([
    "1.0.0",
    "1.0.0-rc.1+build.5",
    "local",
    "...",
    ".hidden",
    "-",
    "_",
    "+",
    "0",
    "v1",
    "x".repeat(255)
  ])("accepts %j", (version) => {
    assert.isTrue(isVersion(version))
  })

  it.each([
    "",
    ".",
    "..",
    ".codex-remote-plugin-install.json",
    ".Codex-Plugin-Install.json",
    " 1.0.0",
    "1.0.0\n",
    "1 0",
    "a/b",
    "../a",
    "a\\b",
    "C:",
    "1~0",
    "b@d",
    "é",
    "\0"
  ])("rejects %j", (version) => {
    assert.isFalse(isVersion(version))
  })

  it.each([
    [" 1.0.0\n", "1.0.0"],
    ["\u00a01.0.0\u2003", "1.0.0"],
    ["\u00851.0.0", "1.0.0"],
    [" ... ", "..."]
  ])("is read from %j as %j", (untrimmed, version) => {
    assert.deepStrictEqual(fromUntrimmed(untrimmed), Option.some(versions(version)[0]!))
  })

  it.each(["", " ", " .. ", "\ufeff1.0.0", "1. 0", 1, null])("is not read from %j", (untrimmed) => {
    assert.isTrue(Option.isNone(fromUntrimmed(untrimmed)))
  })
})

/** In ascending order. */
const semVers = versions(
  "0.0.1",
  "0.9.0",
  "0.10.0",
  // Prereleases: numbers by value, then words by their bytes.
  "1.0.0-0",
  "1.0.0-0+9",
  "1.0.0-9",
  "1.0.0-10",
  "1.0.0-10.0",
  "1.0.0-20240101123045122",
  "1.0.0-20240101123045123",
  "1.0.0-123456789012345678901234567890",
  "1.0.0--",
  "1.0.0-0a",
  "1.0.0-A",
  "1.0.0-alpha",
  "1.0.0-alpha.1",
  "1.0.0-alpha.beta",
  "1.0.0-beta",
  "1.0.0-beta.2",
  "1.0.0-beta.11",
  "1.0.0-rc.1",
  "1.0.0-rc.1+a",
  "1.0.0",
  // Build metadata: none, then numbers by value and leading zeros, then words.
  "1.0.0+0",
  "1.0.0+00",
  "1.0.0+1",
  "1.0.0+01",
  "1.0.0+001",
  "1.0.0+2",
  "1.0.0+2.0",
  "1.0.0+10",
  "1.0.0+20240101123045123",
  "1.0.0+-",
  "1.0.0+10a",
  "1.0.0+A",
  "1.0.0+a",
  "1.0.0+a-b",
  "1.0.1-0",
  "1.0.1",
  "1.1.0",
  "2.0.0",
  "9.0.0",
  "10.0.0",
  "9007199254740992.0.0",
  "9007199254740993.0.0",
  "18446744073709551615.0.0"
)

/** Versions that look like SemVer and are not. */
const notSemVers = versions(
  "1",
  "1.0",
  "1.0.0.0",
  "v1.0.0",
  "01.0.0",
  "1.00.0",
  "1.0.0-01",
  "1.0.0-",
  "1.0.0+",
  "1.0.0-+a",
  "1.0.0-a..b",
  "1.0.0-beta_1",
  "1.0.0+a+b",
  "18446744073709551616.0.0",
  "latest",
  "5x",
  "...",
  "-"
)

const isTotalOrder = (
  compare: (self: PluginVersion.PluginVersion, that: PluginVersion.PluginVersion) => number,
  [a, b, c]: readonly [
    PluginVersion.PluginVersion,
    PluginVersion.PluginVersion,
    PluginVersion.PluginVersion
  ]
) => {
  assert.strictEqual(compare(a, a), 0)
  assert.strictEqual(compare(a, b) === 0, a === b)
  assert.strictEqual(compare(a, b), 0 - compare(b, a))
  if (compare(a, b) < 0 && compare(b, c) < 0) assert.strictEqual(compare(a, c), -1)
}

// Few parts, so that versions often differ in one of them only.
const SemVerText = Schema.String.check(
  Schema.isPattern(
    /^[01]\.[01]\.(?:0|9|10|9007199254740993)(?:-(?:0|1|10|20240101123045123|a|A|-)(?:\.(?:0|2|10|b))?)?(?:\+(?:0|00|01|1|a)(?:\.(?:1|z))?)?$/
  )
).pipe(Schema.decodeTo(PluginVersion.PluginVersion))

const OtherText = Schema.String.check(
  Schema.isPattern(/^v?[0-2](?:\.1?[0-9])?[a-c_]?$|^(?:latest|0\d\.0\.0|1\.0\.0-)$/)
).pipe(Schema.decodeTo(PluginVersion.PluginVersion))

const many = <A>(schema: Schema.Schema<A>) =>
  Arbitrary.array(Arbitrary.schema(schema), { minLength: 1, maxLength: 12 })

const AnyText = Schema.Union([SemVerText, OtherText, PluginVersion.PluginVersion])

describe("PluginVersion.compare", () => {
  it("orders SemVer by precedence, then by build metadata", () => {
    for (const [i, lower] of semVers.entries()) {
      for (const [j, upper] of semVers.entries()) {
        assert.strictEqual(
          PluginVersion.compare(lower, upper),
          Math.sign(i - j),
          `${lower} and ${upper}`
        )
      }
    }
  })

  it.each(notSemVers)("orders %j, which is not SemVer, by its bytes", (version) => {
    for (const other of [...semVers, ...notSemVers]) {
      const expected = version < other ? -1 : version > other ? 1 : 0
      assert.strictEqual(PluginVersion.compare(version, other), expected, other)
      assert.strictEqual(PluginVersion.compare(other, version), 0 - expected, other)
    }
  })

  it.prop(
    "is a total order on SemVer",
    [SemVerText, SemVerText, SemVerText],
    (triple) => isTotalOrder(PluginVersion.compare, triple),
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "is a total order on versions that are not SemVer",
    [OtherText, OtherText, OtherText],
    (triple) => isTotalOrder(PluginVersion.compare, triple)
  )

  it("is cyclic on a mixture of both", () => {
    const [nine, ten, five] = versions("9.0.0", "10.0.0", "5x")
    assert.deepStrictEqual(
      [
        PluginVersion.compare(nine!, ten!),
        PluginVersion.compare(ten!, five!),
        PluginVersion.compare(five!, nine!)
      ],
      [-1, -1, -1]
    )
  })
})

describe("PluginVersion.active", () => {
  it.each([
    [["9.0.0", "10.0.0"], "10.0.0"],
    [["1.0.0-rc.1", "1.0.0"], "1.0.0"],
    [["1.0.0", "1.0.0+1"], "1.0.0+1"],
    [["2", "10"], "2"],
    [["latest", "10.0.0"], "latest"],
    [["v1.0.0", "2.0.0"], "v1.0.0"],
    [["local", "99.0.0", "zzz"], "local"],
    [["Local", "1.0.0"], "Local"],
    [["1.0.0"], "1.0.0"]
  ])("is, of %j, %j", (among, expected) => {
    assert.strictEqual(activeOf(...among), expected)
    assert.strictEqual(activeOf(...among.toReversed()), expected)
  })

  it("is none if there are no versions", () => {
    assert.deepStrictEqual(PluginVersion.active([]), Option.none())
  })

  it("is the same in every order of a cyclic mixture", () => {
    const [a, b, c] = ["9.0.0", "10.0.0", "5x"] as const
    const orders = [
      [a, b, c],
      [a, c, b],
      [b, a, c],
      [b, c, a],
      [c, a, b],
      [c, b, a]
    ]
    assert.strictEqual(new Set(orders.map((order) => activeOf(...order))).size, 1)
  })

  it.prop(
    "is one of the versions, the same in every order",
    [many(AnyText), Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 11 }))],
    ([among, turn]) => {
      const active = PluginVersion.active(among)
      assert.isTrue(among.includes(Option.getOrThrow(active)))
      const turned = Arr.rotate(among, turn)
      for (const other of [turned, among.toReversed(), [...among, ...turned]]) {
        assert.deepStrictEqual(PluginVersion.active(other), active)
      }
    }
  )

  it.prop("is local if there is a local version, in any order", [many(AnyText)], ([among]) => {
    assert.deepStrictEqual(
      PluginVersion.active([...among, PluginVersion.local]),
      Option.some(PluginVersion.local)
    )
  })

  for (const [kind, schema] of [
    ["SemVer", SemVerText],
    ["what is no SemVer", OtherText]
  ] as const) {
    it.prop(`is the greatest of ${kind}`, [many(schema)], ([among]) => {
      const active = Option.getOrThrow(PluginVersion.active(among))
      assert.isTrue(among.every((version) => PluginVersion.compare(version, active) <= 0))
    })
  }
})

describe("PluginVersion.outranks", () => {
  it.each([
    ["2.0.0", "1.0.0", true],
    ["1.0.0", "2.0.0", false],
    ["1.0.0", "1.0.0", false],
    ["5x", "10.0.0", true],
    ["local", "zzz", true],
    ["zzz", "local", false],
    ["local", "local", false]
  ])("of %s over %s is %s", (self, that, expected) => {
    const [left, right] = versions(self, that)
    assert.strictEqual(PluginVersion.outranks(left!, right!), expected)
  })

  it.prop(
    "agrees with the active version, whichever of the others are removed",
    [AnyText, many(AnyText), many(Schema.Boolean)],
    ([version, others, going]) => {
      const below = others.filter((other) => !PluginVersion.outranks(other, version))
      const staying = below.filter((_, index) => going[index] !== true)
      for (const beside of [below, staying]) {
        assert.deepStrictEqual(PluginVersion.active([...beside, version]), Option.some(version))
      }
    }
  )
})
