import { Component, type ErrorInfo, type ReactNode } from 'react';
import { Translation } from 'react-i18next';
import { Button } from './Button.tsx';
import { Notice } from './Notice.tsx';

interface Props {
  readonly children: ReactNode;
  /** Changing it mounts the children again. */
  readonly resetKey?: string;
}
interface State {
  readonly failed: boolean;
  readonly resetKey: string | undefined;
}

/** A part of the screen that broke says so and can be opened again; the rest of the window lives on. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { failed: false, resetKey: this.props.resetKey };

  static getDerivedStateFromError(): Partial<State> {
    return { failed: true };
  }

  static getDerivedStateFromProps(props: Props, state: State): Partial<State> | null {
    return props.resetKey === state.resetKey ? null : { failed: false, resetKey: props.resetKey };
  }

  override componentDidCatch(error: Error, info: ErrorInfo): void {
    // The name and where, never the message: a message may quote what it choked on.
    console.error('window part failed', error.name, info.componentStack);
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <Translation ns="components">
        {(t) => (
          <div style={{ padding: 24 }}>
            <Notice
              severity="block"
              title={t('broken.title')}
              action={<Button onClick={() => this.setState({ failed: false })}>{t('broken.again')}</Button>}
            >
              {t('broken.text')}
            </Notice>
          </div>
        )}
      </Translation>
    );
  }
}
