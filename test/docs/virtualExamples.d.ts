declare module "virtual:examples" {
  export const examples: ReadonlyArray<{
    readonly of: string
    readonly load: () => Promise<Readonly<Record<string, unknown>>>
  }>
}
