export type Attributes = Readonly<Record<string, unknown>>;
export class Profiles {
  attributesOf(_k: string, _n: number): Attributes | undefined {
    return {};
  }
  load(_k: string, _n: number): Promise<Attributes> {
    return Promise.resolve({});
  }
}
