import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {} from './guard-setup.ts';
