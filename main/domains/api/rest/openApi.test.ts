import { describe, expect, it } from 'vitest';
import { parseDicomwebAddress } from '../../imaging/dicomweb/dicomwebAddress.ts';
import { attributes } from '../../imaging/dicomweb/qidoAttributes.ts';
import { openApiDocument } from './openApi.ts';

type Operation = { parameters: { name: string; in: string }[]; responses: Record<string, object> };
const { paths } = openApiDocument('0.0.0') as { paths: Record<string, Record<string, Operation>> };
const patterns = Object.keys(paths).map((path) => ({
  path,
  pattern: new RegExp(`^${path.replace('{frames}', '[0-9,]+').replace(/\{\w+\}/g, '[0-9.]+')}$`),
}));

/** Every address that could be: each resource with each ending, most of which lead nowhere. */
const resources = [
  '/dicomweb',
  '/dicomweb/studies/1.2',
  '/dicomweb/studies/1.2/series/1.3',
  '/dicomweb/studies/1.2/series/1.3/instances/1.4',
  '/dicomweb/studies/1.2/series/1.3/instances/1.4/frames/1',
  '/dicomweb/studies/1.2/series/1.3/instances/1.4/frames/1,2',
];
const endings = ['', 'studies', 'series', 'instances', 'metadata', 'rendered', 'thumbnail', 'bulkdata'];
const addresses = resources.flatMap((resource) =>
  [...endings, 'bulkdata/7FE00010', 'pixeldata', 'frames'].map((ending) =>
    ending === '' ? resource : `${resource}/${ending}`,
  ),
);

describe('the document of what a token can ask', () => {
  it('names every address of DICOMweb that leads anywhere, and no other', () => {
    const leading = addresses.filter((address) => parseDicomwebAddress(address) !== null);
    expect(leading.length).toBeGreaterThan(20);
    const named = (address: string) => patterns.filter(({ pattern }) => pattern.test(address)).map(({ path }) => path);
    for (const address of leading) expect([address, named(address)]).toEqual([address, [expect.any(String)]]);
    const found = new Set(leading.flatMap(named));
    const documented = Object.keys(paths).filter((path) => path.startsWith('/dicomweb'));
    expect([...found].sort()).toEqual(documented.sort());
    for (const path of documented) expect([path, paths[path]?.['get'] !== undefined]).toEqual([path, true]);
  });

  it('names the keys of a search that are matched, by level', () => {
    const levels = ['study', 'series', 'instance'] as const;
    for (const [path, level] of [
      ['/dicomweb/studies', 'study'],
      ['/dicomweb/series', 'series'],
      ['/dicomweb/instances', 'instance'],
    ] as const) {
      const matched = attributes
        .filter((given) => given.match !== 'none' && levels.indexOf(given.level) <= levels.indexOf(level))
        .map(({ keyword }) => keyword);
      const named = paths[path]?.['get']?.parameters.filter((parameter) => parameter.in === 'query') ?? [];
      expect(named.map(({ name }) => name)).toEqual(['limit', 'offset', 'includefield', 'fuzzymatching', ...matched]);
    }
  });

  it('names every status that a refusal may have', () => {
    const statuses = ['400', '401', '403', '404', '405', '406', '409', '413', '414', '421', '422', '429', '500', '507'];
    for (const [path, operations] of Object.entries(paths))
      for (const [method, { responses }] of Object.entries(operations)) {
        const missing = statuses.filter((status) => responses[status] === undefined);
        expect([path, method, missing]).toEqual([path, method, []]);
      }
    const { responses } = paths['/dicomweb/studies']?.['post'] ?? { responses: {} };
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['200', '202', '415', '503']));
  });
});
