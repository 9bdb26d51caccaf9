/** The shape of what is coming, shown only past 400 ms by whoever mounts it. Width and height in CSS units. */
export function Skeleton({ width = '100%', height = 12 }: { width?: string | number; height?: string | number }) {
  return <div className="skeleton" style={{ width, height }} aria-hidden />;
}
