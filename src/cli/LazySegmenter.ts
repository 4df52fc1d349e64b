/**
 * `Intl.Segmenter` that loads Unicode's tables when it first has a text, not when it is made. Effect's
 * command line makes one as it is loaded, for help alone; the build gives it this one.
 */
export class Segmenter {
  private readonly make: () => Intl.Segmenter
  private made: Intl.Segmenter | undefined

  constructor(...options: ConstructorParameters<typeof Intl.Segmenter>) {
    this.make = () => new globalThis.Intl.Segmenter(...options)
  }

  segment(text: string): Intl.Segments {
    return (this.made ??= this.make()).segment(text)
  }
}
