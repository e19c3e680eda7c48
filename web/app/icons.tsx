/** The page's icons: strokes on a 24 px grid, in the colour of the text around them. */

import type { ComponentChildren, JSX } from "preact";

function Icon({ children }: { children: ComponentChildren }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

const PHONE =
  "M6.5 3.500h2.700l1.600 4.200-2 1.600a12 12 0 0 0 5.900 5.900l1.600-2 4.200 1.600v2.700a2 2 0 0 1-2.200 2A16.500 16.500 0 0 1 4.500 5.700a2 2 0 0 1 2-2.200z";

export const Phone = () => (
  <Icon>
    <path d={PHONE} />
  </Icon>
);

export const HangUp = () => (
  <Icon>
    <path d={PHONE} transform="rotate(135 12 12)" />
  </Icon>
);

export const Camera = () => (
  <Icon>
    <rect x="3" y="6.500" width="12.500" height="11" rx="2.500" />
    <path d="m15.500 10.700 5-3v8.600l-5-3" />
  </Icon>
);

export const CameraOff = () => (
  <Icon>
    <path d="M9 6.500h4a2.500 2.500 0 0 1 2.500 2.500v3.500m0-1.800 5-3v8.600l-2.500-1.500M15 16.500a2.500 2.500 0 0 1-2 1H5.500A2.500 2.500 0 0 1 3 15V9a2.500 2.500 0 0 1 1.500-2.300M3.500 3.500l17 17" />
  </Icon>
);

export const Microphone = () => (
  <Icon>
    <rect x="9" y="3" width="6" height="11" rx="3" />
    <path d="M5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3" />
  </Icon>
);

export const MicrophoneOff = () => (
  <Icon>
    <path d="M15 11V6a3 3 0 0 0-5.700-1.300M9 9v2a3 3 0 0 0 4.500 2.600M5.500 11.500a6.500 6.500 0 0 0 10.300 5.300m2-2.300a6.500 6.500 0 0 0 .7-3M12 18v3M3.500 3.500l17 17" />
  </Icon>
);

export const Screen = () => (
  <Icon>
    <rect x="3" y="4.500" width="18" height="12" rx="2" />
    <path d="M8.500 20.500h7M12 13.500v-5m-2.500 2.300L12 8.300l2.500 2.500" />
  </Icon>
);

export const AddPerson = () => (
  <Icon>
    <circle cx="10" cy="8" r="3.500" />
    <path d="M3.500 19.500a6.500 6.500 0 0 1 13 0M18.500 8v6m-3-3h6" />
  </Icon>
);

export const Pause = () => (
  <Icon>
    <path d="M8.500 5v14M15.500 5v14" />
  </Icon>
);

export const Play = () => (
  <Icon>
    <path d="M8 5.500v13l10.500-6.500z" />
  </Icon>
);

export const Transfer = () => (
  <Icon>
    <path d="M4 8.500h13m-4-4 4 4-4 4M20 15.500H7m4-4-4 4 4 4" />
  </Icon>
);

export const Enter = () => (
  <Icon>
    <path d="M13 4h5.500v16H13M4 12h10m-3.500-3.500 3.500 3.500-3.500 3.500" />
  </Icon>
);

export const Lock = () => (
  <Icon>
    <rect x="5.500" y="10.500" width="13" height="9.500" rx="2" />
    <path d="M8.500 10.500V8a3.500 3.500 0 0 1 7 0v2.500" />
  </Icon>
);

export const Unlock = () => (
  <Icon>
    <rect x="5.500" y="10.500" width="13" height="9.500" rx="2" />
    <path d="M8.500 10.500V8a3.500 3.500 0 0 1 6.800-1.200" />
  </Icon>
);

export const Figures = () => (
  <Icon>
    <path d="M4 20h16M7 16.500v-4M12 16.500V5.500M17 16.500V9" />
  </Icon>
);

export const Pin = () => (
  <Icon>
    <path d="M9 4h6l-1 6 3 3.500H7l3-3.500zM12 13.500V20" />
  </Icon>
);

export const Close = () => (
  <Icon>
    <path d="m6 6 12 12M18 6 6 18" />
  </Icon>
);
