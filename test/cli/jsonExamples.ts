/**
 * The output of each command with `--json`, for the documentation. A test runs the commands.
 */
import * as TestBackend from "../../src/testing/TestBackend.ts"

const remotePluginId = "plugins~Plugin_4a801f4b45ac106fee1221b820cd852b"
const pluginId = "github@openai-curated-remote"

/** The account of the examples. */
export const plugins = [
  TestBackend.plugin({
    name: "github",
    version: "1.4.0",
    id: remotePluginId,
    description: "Issues and pull requests"
  })
]

export interface Example {
  /** The arguments, without `--json` and the home. */
  readonly command: string
  readonly code: number
  readonly json: { readonly schemaVersion: 1; readonly [key: string]: unknown }
}

const names = { pluginId, name: "github", marketplaceName: "openai-curated-remote" }
const source = { source: "remote", id: remotePluginId }

const described = {
  ...names,
  source,
  displayName: "github",
  description: "Issues and pull requests",
  releaseVersion: "1.4.0",
  installPolicy: "AVAILABLE",
  authPolicy: "ON_USE",
  availability: "AVAILABLE",
  installed: true,
  enabled: true
}

/** The examples in the order in which a test runs them on one home. */
export const examples: ReadonlyArray<Example> = [
  {
    command: "sync --dry-run",
    code: 0,
    json: {
      schemaVersion: 1,
      actions: [
        {
          action: "Install",
          remotePluginId,
          pluginId,
          version: "1.4.0",
          reason: { _tag: "Missing" }
        }
      ],
      removalSkipped: null
    }
  },
  {
    command: "sync",
    code: 0,
    json: {
      schemaVersion: 1,
      installedPluginIds: [pluginId],
      backfilledPluginIds: [],
      repairedPluginIds: [],
      keptPluginIds: [],
      removedCachePluginIds: [],
      pruned: [],
      failedRemotePluginIds: [],
      failures: [],
      removalSkipped: null,
      removalSkippedReason: null,
      skipped: null,
      plugins: [
        {
          pluginId,
          remotePluginId,
          outcome: "installed",
          version: "1.4.0",
          from: null,
          bytes: 8412,
          ms: 87
        }
      ],
      account: { plugins: 1 },
      ms: 87
    }
  },
  {
    command: "list",
    code: 0,
    json: {
      schemaVersion: 1,
      installed: [{ ...names, version: "1.4.0", installed: true, source, identity: "known" }]
    }
  },
  { command: "id github", code: 0, json: { schemaVersion: 1, pluginId, remotePluginId } },
  {
    command: "search pull",
    code: 0,
    json: { schemaVersion: 1, available: [described], searched: 1, unreadable: 0, failures: [] }
  },
  {
    command: "read github",
    code: 0,
    json: {
      schemaVersion: 1,
      ...described,
      cachedVersion: "1.4.0",
      cachedRemotePluginId: remotePluginId
    }
  },
  {
    command: "install github",
    code: 0,
    json: { schemaVersion: 1, ...names, version: "1.4.0", installed: true, changed: false, source }
  },
  {
    command: "verify",
    code: 0,
    json: {
      schemaVersion: 1,
      isOk: true,
      results: [{ pluginId, version: "1.4.0", state: "verified" }]
    }
  },
  {
    command: "prune",
    code: 0,
    json: { schemaVersion: 1, dryRun: false, bytes: 8412, pruned: [], kept: [], failures: [] }
  },
  {
    command: "uninstall github",
    code: 0,
    json: { schemaVersion: 1, ...names, installed: false, changed: true, source }
  },
  {
    command: "id github",
    code: 1,
    json: {
      schemaVersion: 1,
      error: {
        tag: "CommandFailed",
        reason: null,
        message: "github is not installed",
        remedy: null,
        exitCode: 1
      }
    }
  },
  {
    command: "sync --wait soon",
    code: 2,
    json: {
      schemaVersion: 1,
      error: {
        tag: "WrongUsage",
        reason: "InvalidValue",
        message:
          'Invalid value for flag --wait: "soon". Expected: a duration such as `30m`, `24h` or `0`',
        remedy: null,
        exitCode: 2
      }
    }
  }
]

/** The examples as the documentation shows them. */
export const markdown = examples
  .map(({ code, command, json }) =>
    [
      `\`codex-plugins ${command} --json\`${code === 0 ? "" : `, which exits with ${code}`}:`,
      "",
      "```json",
      JSON.stringify(json, null, 2),
      "```"
    ].join("\n")
  )
  .join("\n\n")
