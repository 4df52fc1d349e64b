/**
 * All commands. Those that are online bring much with them, so that this module is loaded only where
 * one of them is meant, or all.
 */
import { Command } from "effect/cli"
import { demo } from "./demo.ts"
import { id } from "./id.ts"
import { install } from "./install.ts"
import { list } from "./list.ts"
import { read } from "./read.ts"
import { serve } from "./serve.ts"
import { sync } from "./sync.ts"
import { uninstall } from "./uninstall.ts"

export const all = Command.withSubcommands([sync, list, id, read, install, uninstall, serve, demo])
