import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import {
  ConfigProvider,
  Effect,
  Fiber,
  FileSystem,
  Layer,
  Logger,
  Option,
  Path,
  Redacted
} from "effect"
import { TestClock } from "effect/testing"
import { execFileSync } from "node:child_process"
import * as CodexHome from "../src/CodexHome.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestAccount from "../src/testing/TestAccount.ts"

const secret = "tok-5eCreT"

const disk = (files: Readonly<Record<string, string>>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      yield* fs.makeDirectory("/home/me/.codex", { recursive: true })
      for (const [name, content] of Object.entries(files)) {
        yield* fs.makeDirectory(path.dirname(name), { recursive: true })
        yield* fs.writeFileString(name, content)
      }
    })
  ).pipe(Layer.provideMerge(Layer.fresh(MemoryFileSystem.layer)), Layer.provideMerge(Path.layer))

const homeOf = (
  layer: Layer.Layer<CodexHome.CodexHome, unknown, FileSystem.FileSystem | Path.Path>,
  files: Readonly<Record<string, string>> = {}
) => Effect.provide(CodexHome.CodexHome, Layer.provide(layer, disk(files)))

const environment = (variables: Readonly<Record<string, string>>) =>
  Layer.provide(CodexHome.layer, ConfigProvider.layer(ConfigProvider.fromEnvRecord(variables)))

const withFile = (name: "config.toml" | "auth.json", content: string) =>
  homeOf(CodexHome.layerAt("/home/me/.codex"), { [`/home/me/.codex/${name}`]: content })

const hides = (error: unknown) => {
  for (const shown of [String(error), JSON.stringify(error)]) assert.notInclude(shown, secret)
}

describe("the location of CodexHome", () => {
  it.effect("names the folders below it", () =>
    Effect.gen(function* () {
      const home = yield* homeOf(CodexHome.layerAt("/home/me/.codex/"))
      assert.strictEqual(home.root, "/home/me/.codex")
      assert.strictEqual(home.cache, "/home/me/.codex/plugins/cache")
      assert.strictEqual(home.staging, "/home/me/.codex/plugins/.remote-plugin-install-staging")
    })
  )

  it.effect.each([
    { name: "CODEX_HOME", env: { CODEX_HOME: "/other", HOME: "/home/me" }, root: "/other" },
    { name: "~/.codex without it", env: { HOME: "/home/me" }, root: "/home/me/.codex" },
    {
      name: "~/.codex if it is empty",
      env: { CODEX_HOME: "", HOME: "/home/me" },
      root: "/home/me/.codex"
    },
    {
      name: "the profile's .codex on Windows",
      env: { USERPROFILE: "/home/me" },
      root: "/home/me/.codex"
    },
    {
      name: "~/.codex though it is not there yet",
      env: { HOME: "/nobody" },
      root: "/nobody/.codex"
    }
  ])("is $name", ({ env, root }) =>
    Effect.gen(function* () {
      const home = yield* homeOf(environment(env), { "/other/config.toml": "" })
      assert.strictEqual(home.root, root)
    })
  )

  it.effect.each([
    { name: "is not there", env: { CODEX_HOME: "/nowhere" }, reason: "Missing" },
    { name: "lies below a file", env: { CODEX_HOME: "/file/home" }, reason: "Missing" },
    { name: "is a file", env: { CODEX_HOME: "/file" }, reason: "NotAFolder" },
    { name: "is unknown", env: {}, reason: "NoHomeDirectory" }
  ])("is rejected if it $name", ({ env, reason }) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(homeOf(environment(env), { "/file": "" }))
      assert.instanceOf(error, CodexHome.CodexHomeError)
      assert.strictEqual(error.reason._tag, reason)
    })
  )
})

describe("CodexHome.settings", () => {
  it.effect("are the defaults if there is no config.toml", () =>
    Effect.gen(function* () {
      const home = yield* homeOf(CodexHome.layerAt("/home/me/.codex"))
      assert.deepStrictEqual(yield* home.settings, {
        baseUrl: CodexHome.defaultBaseUrl,
        pluginsEnabled: true
      })
    })
  )

  it.effect.each([
    ["model = 'x'\n[features]\nplugins = true\n", CodexHome.defaultBaseUrl],
    ['chatgpt_base_url = "http://127.0.0.1:81/backend-api"', "http://127.0.0.1:81/backend-api"],
    ['chatgpt_base_url = "https://a.test/x///"', "https://a.test/x"]
  ] as const)("%j gives %s", ([toml, baseUrl]) =>
    Effect.gen(function* () {
      const home = yield* withFile("config.toml", toml)
      assert.strictEqual((yield* home.settings).baseUrl, baseUrl)
    })
  )

  it.effect.each([
    ["", true],
    ["[features]\n", true],
    ["[features]\nplugins = true\n", true],
    ["[features]\nremote_plugin = false\n", true],
    ["[features]\nplugins = false\n", false],
    ["features.plugins = false", false]
  ] as const)("%j makes pluginsEnabled %s", ([toml, enabled]) =>
    Effect.gen(function* () {
      const home = yield* withFile("config.toml", toml)
      assert.strictEqual((yield* home.settings).pluginsEnabled, enabled)
    })
  )

  it.effect.each(["features = true", "features.plugins = 'no'"])(
    "fail for %s as a value of features.plugins",
    (toml) =>
      Effect.gen(function* () {
        const home = yield* withFile("config.toml", toml)
        const error = yield* Effect.flip(home.settings)
        assert.strictEqual(error.reason._tag, "InvalidSetting")
        assert.include(error.message, "features.plugins")
      })
  )

  it.effect("are read again each time", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* Effect.provide(CodexHome.CodexHome, CodexHome.layerAt("/home/me/.codex"))
      yield* fs.writeFileString(
        "/home/me/.codex/config.toml",
        "chatgpt_base_url = 'https://a.test'"
      )
      assert.strictEqual((yield* home.settings).baseUrl, "https://a.test")
      yield* fs.writeFileString(
        "/home/me/.codex/config.toml",
        "chatgpt_base_url = 'https://b.test'"
      )
      assert.strictEqual((yield* home.settings).baseUrl, "https://b.test")
    }).pipe(Effect.provide(disk({})))
  )

  it.effect("fail with the line number and without the text if config.toml is not TOML", () =>
    Effect.gen(function* () {
      const home = yield* withFile("config.toml", `a = 1\nkey = ${secret}\n`)
      const error = yield* Effect.flip(home.settings)
      assert.deepStrictEqual(error.reason, { _tag: "NotToml", line: 2 })
      assert.include(error.message, "/home/me/.codex/config.toml")
      hides(error)
    })
  )

  it.effect.each([
    "chatgpt_base_url = 5",
    `chatgpt_base_url = ['${secret}']`,
    `chatgpt_base_url = '${secret}'`,
    `chatgpt_base_url = 'ftp://a.test/${secret}'`,
    `chatgpt_base_url = 'https://me:${secret}@a.test'`,
    `chatgpt_base_url = 'https://a.test?key=${secret}'`,
    `chatgpt_base_url = 'https://a.test#${secret}'`,
    "chatgpt_base_url = ''"
  ])("fail for %s without repeating it", (toml) =>
    Effect.gen(function* () {
      const home = yield* withFile("config.toml", toml)
      const error = yield* Effect.flip(home.settings)
      assert.strictEqual(error.reason._tag, "InvalidSetting")
      hides(error)
    })
  )

  it.effect("fail if config.toml is a folder or a huge file", () =>
    Effect.gen(function* () {
      const folder = yield* homeOf(CodexHome.layerAt("/home/me/.codex"), {
        "/home/me/.codex/config.toml/file": ""
      })
      assert.strictEqual((yield* Effect.flip(folder.settings)).reason._tag, "NotASmallFile")
      const huge = yield* withFile("config.toml", "#".repeat(1024 * 1024 + 1))
      assert.strictEqual((yield* Effect.flip(huge.settings)).reason._tag, "NotASmallFile")
    })
  )

  it.live("fail without waiting if config.toml is a pipe", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const root = yield* fs.makeTempDirectoryScoped()
      for (const name of ["config.toml", "auth.json"]) execFileSync("mkfifo", [`${root}/${name}`])
      const home = yield* Effect.provide(CodexHome.CodexHome, CodexHome.layerAt(root))
      assert.strictEqual((yield* Effect.flip(home.settings)).reason._tag, "NotASmallFile")
      assert.strictEqual((yield* Effect.flip(home.credentials)).reason, "UnreadableCredentials")
    }).pipe(Effect.provide([NodeFileSystem.layer, Path.layer]))
  )
})

describe("CodexHome.credentials", () => {
  const tokens = {
    access_token: secret,
    account_id: "account-1",
    id_token: "i",
    refresh_token: "r"
  }

  it.effect.each([
    { auth_mode: "chatgpt", OPENAI_API_KEY: null, tokens },
    { auth_mode: "chatgpt", OPENAI_API_KEY: "sk-key", tokens },
    { auth_mode: "chatgptAuthTokens", tokens },
    { tokens }
  ])("are the tokens of %j", (auth) =>
    Effect.gen(function* () {
      const home = yield* withFile("auth.json", JSON.stringify(auth))
      const credentials = yield* home.credentials
      assert.strictEqual(Redacted.value(credentials.accessToken), secret)
      assert.deepStrictEqual(
        Option.map(credentials.accountId, Redacted.value),
        Option.some("account-1")
      )
      hides(credentials)
    })
  )

  it.effect.each([null, ""])("may lack an account: %j", (account_id) =>
    Effect.gen(function* () {
      const home = yield* withFile(
        "auth.json",
        JSON.stringify({ tokens: { access_token: secret, account_id } })
      )
      assert.isTrue(Option.isNone((yield* home.credentials).accountId))
    })
  )

  const missing = ["NoCredentials", "codex login"] as const
  const keyAlone = ["ApiKeyAlone", "ChatGPT"] as const
  const unreadable = ["UnreadableCredentials", "codex login"] as const
  const unsupported = ["UnsupportedMode", "codex login"] as const
  it.effect.each([
    ["{}", missing],
    ['{"auth_mode":"chatgpt","tokens":null}', missing],
    ['{"tokens":{"access_token":""}}', missing],
    [`{"auth_mode":"personalAccessToken","personal_access_token":"${secret}"}`, unsupported],
    [`{"auth_mode":"agentIdentity","tokens":{"access_token":"${secret}"}}`, unsupported],
    [`{"auth_mode":"\\u001b[31m${secret}"}`, unsupported],
    ['{"auth_mode":"chatgptAuthTokens"}', ["NoCredentials", "another program"]],
    [`{"OPENAI_API_KEY":"${secret}"}`, keyAlone],
    [`{"auth_mode":"apikey","OPENAI_API_KEY":"${secret}","tokens":null}`, keyAlone],
    [`{"auth_mode":"apikey","tokens":{"access_token":"${secret}"}}`, keyAlone],
    [`{"OPENAI_API_KEY":"k","tokens":{"access_token":"${secret}"}}`, keyAlone],
    [secret, unreadable],
    ["", unreadable],
    [`{"tokens":{"access_token":"${secret}"`, unreadable],
    [`{"tokens":"${secret}"}`, unreadable],
    [`{"tokens":{"access_token":["${secret}"]}}`, unreadable],
    [`{"tokens":{"access_token":"${secret}\\r\\nx: y"}}`, unreadable],
    [`{"tokens":{"access_token":"a","account_id":"${secret} "}}`, unreadable]
  ] as const)("fail if they are %s", ([text, [reason, advice]]) =>
    Effect.gen(function* () {
      const home = yield* withFile("auth.json", text)
      const fiber = yield* Effect.forkChild(Effect.flip(home.credentials))
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "NotSignedIn")
      assert.strictEqual(error.reason, reason)
      assert.include(error.message, advice)
      hides(error)
    })
  )

  it.effect("are missing if there is no auth.json", () =>
    Effect.gen(function* () {
      const home = yield* homeOf(CodexHome.layerAt("/home/me/.codex"))
      assert.strictEqual((yield* Effect.flip(home.credentials)).reason, "NoCredentials")
    })
  )

  it.effect.each([
    ['cli_auth_credentials_store = "keyring"', "KeyringCredentials"],
    ['cli_auth_credentials_store = "auto"', "KeyringCredentials"],
    ['cli_auth_credentials_store = "ephemeral"', "KeyringCredentials"],
    ['cli_auth_credentials_store = "file"', "NoCredentials"],
    ["= not TOML", "NoCredentials"]
  ] as const)("are explained by config.toml if there is no auth.json: %s", ([toml, reason]) =>
    Effect.gen(function* () {
      const home = yield* withFile("config.toml", toml)
      assert.strictEqual((yield* Effect.flip(home.credentials)).reason, reason)
    })
  )

  it.effect("are read again while Codex writes the file", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* Effect.provide(CodexHome.CodexHome, CodexHome.layerAt("/home/me/.codex"))
      const fiber = yield* Effect.forkChild(home.credentials)
      yield* TestClock.adjust("60 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* fs.writeFileString("/home/me/.codex/auth.json", JSON.stringify({ tokens }))
      yield* TestClock.adjust("60 millis")
      assert.strictEqual(Redacted.value((yield* Fiber.join(fiber)).accessToken), secret)
    }).pipe(Effect.provide(disk({ "/home/me/.codex/auth.json": '{"tokens":{"acc' })))
  )

  it.effect("fail when their token has expired, and are reported five minutes before", () =>
    Effect.gen(function* () {
      const { accessToken } = TestAccount.make({ expires: 1000 })
      const home = yield* withFile(
        "auth.json",
        JSON.stringify({ tokens: { access_token: accessToken } })
      )
      const logs: Array<string> = []
      const logger = Logger.make(({ message }) => void logs.push(String(message)))
      const read = Effect.provide(home.credentials, Logger.layer([logger]))

      yield* TestClock.setTime(699_000)
      assert.deepStrictEqual((yield* read).expiresAt, Option.some(1_000_000))
      assert.lengthOf(logs, 0)
      yield* TestClock.setTime(700_000)
      yield* read
      assert.lengthOf(logs, 1)
      assert.include(logs[0], "about to expire")
      yield* TestClock.setTime(1_000_000)
      const error = yield* Effect.flip(read)
      assert.strictEqual(error.reason, "TokenExpired")
      assert.include(error.message, "start `codex` once")
      assert.notInclude(error.message + logs.join(), accessToken)
    })
  )
})
