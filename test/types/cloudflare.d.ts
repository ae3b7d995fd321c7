// What tests in workerd use of the modules that only workerd and its test pool have.

declare module "cloudflare:workers" {
  /** The worker of wrangler.toml, in the isolate of the tests. */
  export const exports: {
    readonly default: { fetch(request: Request): Promise<Response> };
  };
}

declare module "cloudflare:test" {
  /** The bindings of wrangler.toml. */
  export const env: { readonly BUCKET: import("../../adapters/r2/index.ts").R2BucketLike };

  /** Ends every Durable Object, whatever it still does. */
  export function abortAllDurableObjects(): Promise<void>;
}
