import { nodeCipher } from '../../../src/cipher/node-cipher.ts';
import { cipherContract } from './cipher-contract.ts';

cipherContract('the cipher of Node', nodeCipher());
