/**
 * The commands that load without the code of the others, because that takes time.
 */
import { Command } from "effect/cli"
import { id } from "./id.ts"
import { list } from "./list.ts"

/** The fast offline commands, which are loaded with the program. */
const offlineCommands = Promise.resolve(Command.withSubcommands([list, id]))

/** By their names. */
export const separateCommands = {
  "--version": () => offlineCommands,
  id: () => offlineCommands,
  list: () => offlineCommands,
  run: () => import("./runCommand.ts").then(({ run }) => Command.withSubcommands([run])),
  seed: () => import("./seed.ts").then(({ seed }) => Command.withSubcommands([seed])),
  sync: () => import("./sync.ts").then(({ sync }) => Command.withSubcommands([sync]))
}
