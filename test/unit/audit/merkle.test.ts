import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import { leafHash, MerkleTree, rootOf } from '../../../src/audit/merkle.ts';

/** The leaves and roots by which implementations of RFC 6962 test themselves (google/certificate-transparency, merkle_tree_test). */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const never = (): undefined => undefined;

function build(count: number): Promise<MerkleTree> {
  const leaves = Array.from({ length: count }, (_, at) => leafHash(`leaf ${at}`));
  return MerkleTree.build(leaves, count, never);
}

describe('a Merkle tree', () => {
  for (const [at, root] of ROOTS.entries()) {
    it(`has the root that others compute for ${at + 1} leaves`, async () => {
      const leaves = LEAVES.slice(0, at + 1).map((hex) => leafHash(Buffer.from(hex, 'hex')));
      assert.equal((await MerkleTree.build(leaves, leaves.length, never)).root.toString('hex'), root);
    });
  }

  it('proves every leaf of every size, and nothing else', async () => {
    for (let count = 1; count <= 33; count += 1) {
      const tree = await build(count);
      for (let index = 0; index < count; index += 1) {
        const [leaf, proof] = [leafHash(`leaf ${index}`), tree.proof(index)];
        assert.deepEqual(rootOf(leaf, { index, count }, proof), tree.root);
        assert.notDeepEqual(rootOf(leafHash('another'), { index, count }, proof), tree.root);
        for (const other of [index - 1, index + 1]) assert.notDeepEqual(rootOf(leaf, { index: other, count }, proof), tree.root);
      }
    }
  });

  it('takes no proof that is too short, too long or for a leaf that is not there', async () => {
    const tree = await build(6);
    const [leaf, proof] = [leafHash('leaf 2'), tree.proof(2)];
    assert.equal(rootOf(leaf, { index: 2, count: 6 }, proof.slice(1)), undefined);
    assert.equal(rootOf(leaf, { index: 2, count: 6 }, [...proof, leaf]), undefined);
    for (const index of [-1, 6, 0.5, Number.NaN]) assert.equal(rootOf(leaf, { index, count: 6 }, proof), undefined);
  });

  it('an inner node is no leaf', async () => {
    const tree = await build(2);
    const [left, right] = [leafHash('leaf 0'), leafHash('leaf 1')];
    assert.notDeepEqual(leafHash(Buffer.concat([left, right])), tree.root);
  });

  it('is not built of another number of leaves than it was said to have', async () => {
    await assert.rejects(MerkleTree.build([leafHash('a')], 2, never), RangeError);
    await assert.rejects(MerkleTree.build([], 0, never), RangeError);
  });
});
