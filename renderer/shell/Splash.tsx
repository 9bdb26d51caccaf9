import { useEffect, useState } from 'react';

/** The mark alone, and after 400 ms what is being waited for: a short wait must not flash a sentence. */
export function Splash({ text }: { text: string }) {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), 400);
    return () => clearTimeout(timer);
  }, []);
  return (
    <main className="full-page splash" aria-busy="true">
      <div className="splash-mark" aria-hidden>
        S
      </div>
      <p role="status">{slow ? text : ''}</p>
    </main>
  );
}
