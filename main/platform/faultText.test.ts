import { describe, expect, it } from 'vitest';
import { faultText } from './faultText.ts';

describe('a fault in the log', () => {
  it('says its code or name and where, and never its message', () => {
    const text = faultText(new SyntaxError('Invalid: /^DOE^JANE\n    at SECRET^NAME$/'));
    expect(text).toMatch(/^SyntaxError\n\s+at .*faultText\.test/);
    expect(text).not.toMatch(/DOE|SECRET/);
    const full = Object.assign(new Error('ENOSPC: write /home/JANE'), { code: 'ENOSPC' });
    expect(faultText(full).split('\n')[0]).toBe('ENOSPC');
    expect(faultText(full)).not.toContain('JANE');
    expect(faultText('JANE')).toBe('not an error');
  });
});
