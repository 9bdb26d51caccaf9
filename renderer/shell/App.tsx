import { createTheme, MantineProvider, Tooltip } from '@mantine/core';
import { useEffect } from 'react';
import { ErrorBoundary } from '../components/ErrorBoundary.tsx';
import { ToastProvider } from '../components/Toast.tsx';
import { ConnectionGate } from './ConnectionGate.tsx';
import { Entry } from './Entry.tsx';
import { applyTheme, currentTheme, useTheme } from './theme.ts';
import './shell.css';

const mantineTheme = createTheme({
  fontFamily: 'var(--font)',
  components: { Tooltip: Tooltip.extend({ defaultProps: { withArrow: false } }) },
});

/** The window: theme, toasts, the connection, then whoever may come in. */
export function App() {
  const theme = useTheme();
  useEffect(() => applyTheme(currentTheme()), []);
  return (
    <MantineProvider
      theme={mantineTheme}
      forceColorScheme={theme === 'reading' ? 'dark' : 'light'}
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <ErrorBoundary>
        <ToastProvider>
          <ConnectionGate>
            <Entry />
          </ConnectionGate>
        </ToastProvider>
      </ErrorBoundary>
    </MantineProvider>
  );
}
