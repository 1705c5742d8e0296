// The andon lamp: Andon's mark.

export function Lamp({ size }: { size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0a0e12" stroke="#33404d" strokeWidth="0.75" />
      <rect x="11" y="5" width="10" height="7" rx="2" fill="#ff5c5c" />
      <rect x="11" y="12.5" width="10" height="7" fill="#ffb93d" />
      <rect x="11" y="20" width="10" height="7" rx="2" fill="#35d07f" />
    </svg>
  );
}
