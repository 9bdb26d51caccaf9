/**
 * The import rules of the architecture. `tests/boundaries` plants a violation of each and proves that it is reported.
 * The swc parser is needed: with TypeScript 7 and without it, dependency-cruiser sees no module at all and exits 0.
 * @type {import('dependency-cruiser').IConfiguration}
 */
module.exports = {
  forbidden: [
    {
      name: 'app-is-pure',
      comment: 'app runs anywhere: it imports itself, zod and @orpc/contract, nothing else.',
      severity: 'error',
      from: { path: '^app/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: ['^app/', '(^|/)node_modules/(zod|@orpc/contract)/'] },
    },
    {
      name: 'domain-through-its-service',
      comment: 'A domain reaches another domain through its *Service.ts only.',
      severity: 'error',
      from: { path: '^main/domains/([^/]+)/', pathNot: '\\.test\\.ts$' },
      to: {
        path: '^main/domains/[^/]+/',
        pathNot: ['^main/domains/$1/', '^main/domains/[^/]+/[^/]+Service\\.ts$'],
      },
    },
    {
      name: 'storage-knows-no-domain',
      comment: 'main/database, main/archive and main/dicom are below the domains.',
      severity: 'error',
      from: { path: '^main/(database|archive|dicom)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^main/domains/' },
    },
    {
      name: 'main-not-to-window',
      comment: 'The Node side never imports the page, the preload, scripts or tests.',
      severity: 'error',
      from: { path: '^main/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(renderer|preload|scripts|tests)/' },
    },
    {
      name: 'feature-not-to-feature',
      comment: 'Features are composed in renderer/shell, never by each other.',
      severity: 'error',
      from: { path: '^renderer/features/([^/]+)/' },
      to: { path: '^renderer/features/', pathNot: '^renderer/features/$1/' },
    },
    {
      name: 'cornerstone-only-in-viewport',
      comment: 'renderer/viewport is the one importer of Cornerstone; the host decoder may use its codecs.',
      severity: 'error',
      from: { path: '^(app|main|preload|renderer)/', pathNot: '^renderer/viewport/' },
      to: { path: '@cornerstonejs/(?!codec-)' },
    },
    {
      name: 'no-codec-in-window',
      comment: 'Decoding in the window belongs to renderer/viewport too.',
      severity: 'error',
      from: { path: '^(app|preload|renderer)/', pathNot: '^renderer/viewport/' },
      to: { path: '@cornerstonejs/codec-' },
    },
    {
      name: 'window-not-to-main',
      comment: 'The page knows the contract, never the Node side: types and pure rules come from app.',
      severity: 'error',
      from: { path: '^renderer/', pathNot: '\\.test\\.tsx?$' },
      to: { path: '^(main|preload|scripts|tests)/' },
    },
    {
      name: 'window-not-to-node',
      comment: 'The page has no Node: a built-in module would be an empty stub there.',
      severity: 'error',
      from: { path: '^renderer/', pathNot: '\\.test\\.tsx?$' },
      to: { dependencyTypes: ['core'], pathNot: '^events$' },
    },
    {
      name: 'contract-as-type-in-window',
      comment: 'The contract as a value pulls zod and oRPC into the page: 484 kB instead of 32.',
      severity: 'error',
      from: { path: '^renderer/', pathNot: '\\.test\\.tsx?$' },
      to: {
        path: '^app/(contract|domains/[^/]+/[^/]+Contract)\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'electron-out-of-reach',
      comment: 'Only main/hosts/electron and preload may reach electron, through any number of hops.',
      severity: 'error',
      from: { path: '^(app|main|renderer|scripts)/', pathNot: '^main/hosts/electron/' },
      to: { path: '(^|/)node_modules/electron/|^electron(/|$)', reachable: true },
    },
    {
      name: 'no-import-cycle',
      comment: 'Modules that import each other at run time cannot be understood or tested alone.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: ['\\?(url|raw|worker|inline)', '^virtual:'] },
    },
    {
      name: 'source-not-to-test',
      comment: 'What ships imports no test.',
      severity: 'error',
      from: { path: '^(app|main|preload|renderer)/', pathNot: '\\.test\\.tsx?$' },
      to: { path: '\\.test\\.tsx?$' },
    },
  ],
  options: {
    parser: 'swc',
    // Type-only imports are edges too: a type from the wrong place is a dependency.
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    // Anchored: the packages' own dist folders must stay in sight.
    exclude: { path: '^(dist|out|test-results)/' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.mjs', '.cjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default', 'require'],
    },
  },
};
