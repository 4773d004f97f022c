import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const locked: Readonly<Record<string, Locked>> = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;

describe('the dependencies', () => {
  it('are named by exact version', () => {
    const all: Record<string, string> = {
      ...manifest.dependencies,
      ...manifest.optionalDependencies,
      ...manifest.devDependencies,
    };
    assert.ok(Object.keys(all).length > 10);
    const loose = Object.entries(all).filter(([, version]) => !/^(\d+\.\d+\.\d+|file:tools\/[a-z0-9-]+)$/.test(version));
    assert.deepEqual(loose, []);
  });

  it('are locked without the address of a registry', () => {
    assert.ok(Object.keys(locked).length > 100);
    const addressed = Object.entries(locked).filter(([, { resolved }]) => resolved?.includes('://'));
    assert.deepEqual(
      addressed.map(([place]) => place),
      [],
    );
  });

  it('are locked for every platform', () => {
    const missing = Object.entries(locked).flatMap(([place, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !locked[`${place}/node_modules/${name}`] && !locked[`node_modules/${name}`],
      ),
    );
    assert.deepEqual(missing, []);
  });

  it('run an install script only where package.json says so', () => {
    // The project's own script stands in package.json itself.
    const scripted = Object.entries(locked).filter(([place, { hasInstallScript }]) => place !== '' && hasInstallScript);
    const names = scripted.map(([place]) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length));
    assert.deepEqual(
      names.filter((name) => manifest.allowScripts[name] === undefined),
      [],
    );
  });
});
