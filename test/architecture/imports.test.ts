import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { type FloorTable, floorOf, readFloorTable } from '../../tools/floor-table.ts';
import { scanModule } from './module-scan.ts';
import { CLEAN, PARTNERS, PLANTED } from './planted-violations.ts';
import { type Judgement, judge, type Sources } from './rules.ts';

const table: FloorTable = readFloorTable(readFileSync('ARCHITECTURE.md', 'utf8'));

function sourcesOnDisk(): Sources {
  const paths = globSync(['src/**/*.ts', 'clients/typescript/src/**/*.ts']).sort();
  return new Map(paths.map((path) => [path, readFileSync(path, 'utf8')]));
}

function complaints(judgement: Judgement): string[] {
  return judgement.violations.map(({ at, what }) => `${at} ${what}`);
}

/** Packages of which types alone are taken: they are gone when the program runs. */
function packagesOfTypes(sources: Sources): string[] {
  const imports = [...sources].flatMap(([path, source]) => scanModule(path, source).imports);
  const nameOf = (specifier: string): string => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const loaded = new Set(imports.filter(({ typesOnly }) => !typesOnly).map(({ specifier }) => nameOf(specifier)));
  return [...new Set(imports.map(({ specifier }) => nameOf(specifier)))].filter((name) => !loaded.has(name));
}

describe('the sources', () => {
  let sources: Sources;
  let judgement: Judgement;

  before(() => {
    sources = sourcesOnDisk();
    judgement = judge(sources, table);
  });

  it('keep every rule of ARCHITECTURE.md', () => {
    assert.deepEqual(complaints(judgement), []);
  });

  it('were all seen', (test) => {
    test.diagnostic(`judged ${judgement.files} files and ${judgement.imports} imports`);
    assert.ok(judgement.files >= 50, `only ${judgement.files} files were seen`);
    assert.ok(judgement.imports >= 150, `only ${judgement.imports} imports were seen`);
    for (const folder of ['src/core', 'src/kms', 'src/service', 'src/rpc', 'src/main', 'src/gen']) {
      assert.ok(
        [...sources.keys()].some((path) => path.startsWith(`${folder}/`)),
        `no file of ${folder} was seen`,
      );
    }
  });

  it('fill every row of the floor table', () => {
    const empty = table.floors.filter((floor) => ![...sources.keys()].some((path) => floorOf(table, path) === floor));
    assert.deepEqual(
      empty.map((floor) => floor.folder),
      [],
    );
  });

  it('use every package of the package table, and each of them is a dependency', () => {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
    const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
    const ofTypes = packagesOfTypes(sources).filter((name) => name in manifest.devDependencies);
    const text = [...sources.values()].join('\n');
    for (const name of table.packageRules.flatMap((rule) => rule.packages)) {
      const prefix = name.replace(/\*$/, '');
      assert.ok(
        [...dependencies, ...ofTypes].some((dependency) => dependency.startsWith(prefix)),
        `${name} is no dependency`,
      );
      assert.ok(text.includes(`'${prefix}`), `no file imports ${name}`);
    }
  });

  it('have an entry that exists', () => {
    assert.ok(existsSync('bin/keyside.js'));
  });
});

describe('the rules', () => {
  it('find nothing in a clean tree', () => {
    assert.deepEqual(complaints(judge(new Map(Object.entries(CLEAN)), table)), []);
  });

  for (const { name, path, source, want } of PLANTED) {
    it(`find ${name}`, () => {
      const found = complaints(judge(new Map(Object.entries({ ...CLEAN, ...PARTNERS, [path]: source })), table));
      assert.equal(found.length, 1, `expected one violation, found:\n${found.join('\n')}`);
      assert.match(found[0] as string, want);
    });
  }

  it('refuse a file that does not parse', () => {
    assert.throws(() => judge(new Map([['src/core/a.ts', 'export const = 1']]), table), /does not parse/);
  });
});

describe('the floor table', () => {
  it('is refused where it is missing, empty or unreadable', () => {
    assert.throws(() => readFloorTable('# nothing'), /no table/);
    assert.throws(() => readFloorTable('| folder | holds | may import |\n|---|---|---|\n'), /empty/);
    assert.throws(
      () => readFloorTable('| folder | holds | may import |\n|---|---|---|\n| `src/a` | x | all of it |\n'),
      /cannot read/,
    );
  });
});
