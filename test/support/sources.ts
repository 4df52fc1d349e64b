/**
 * With `node --import` of this file, a program that imports the package by its name gets the sources, as
 * the tests do.
 */
import { registerHooks } from "node:module"

const source = (path: string) => new URL(`../../src/${path}`, import.meta.url).href

const modules: Readonly<Record<string, string>> = {
  "effect-codex-plugins": source("index.ts"),
  "effect-codex-plugins/node": source("NodeCodexPlugins.ts"),
  "effect-codex-plugins/testing": source("testing/index.ts")
}

registerHooks({
  resolve: (specifier, context, next) => next(modules[specifier] ?? specifier, context)
})
