import { describe, expect, it } from 'vitest';
import { isFolderName, joinHostPath } from './hostPath.ts';

describe('a folder on the host', () => {
  it.each([
    ['/media/disk', 'backup', '/media/disk/backup'],
    ['/', 'backup', '/backup'],
    ['C:\\Users\\ada', 'backup', 'C:\\Users\\ada\\backup'],
    ['E:\\', 'backup', 'E:\\backup'],
    ['/home/a\\b', 'backup', '/home/a\\b/backup'],
    ['/media/disk', '', '/media/disk'],
  ])('%s + %s is %s', (base, name, expected) => {
    expect(joinHostPath(base, name)).toBe(expected);
  });

  it('has a name that cannot lead elsewhere', () => {
    for (const good of ['backup', 'sauvegarde du 20', '']) expect(isFolderName(good)).toBe(true);
    for (const bad of ['..', '.', 'a/b', 'a\\b', 'C:']) expect(isFolderName(bad)).toBe(false);
  });
});
