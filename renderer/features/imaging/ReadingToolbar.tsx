import { Menu } from '@mantine/core';
import {
  IconAdjustments,
  IconAngle,
  IconArrowsMove,
  IconCircle,
  IconColumns2,
  IconContrast,
  IconContrastFilled,
  IconFlipHorizontal,
  IconFlipVertical,
  IconFocusCentered,
  IconHistory,
  IconLasso,
  IconLayoutGrid,
  IconLink,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlus,
  IconRectangle,
  IconRefresh,
  IconRotateClockwise,
  IconRuler2,
  IconSend,
  IconSquare,
  IconStar,
  IconX,
  IconZoomIn,
} from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Study } from '../../../app/domains/imaging/imagingSchema.ts';
import { IconButton } from '../../components/Button.tsx';
import { useFormats } from '../../i18n/formats.ts';
import type { PointerTool } from '../../viewport/viewport.ts';
import type { ReadingActions } from './readingActions.ts';
import type { ReadingDesk } from './readingDesk.ts';
import type { Layout, ReadingState } from './readingStore.ts';
import { useActiveView } from './useActiveView.ts';

export interface ReadingToolbarProps {
  readonly state: ReadingState;
  readonly actions: ReadingActions;
  readonly desk: ReadingDesk;
  readonly priors: readonly Study[];
  readonly canAnnotate: boolean;
  readonly onClose: () => void;
  readonly onSend: (() => void) | null;
}

const icon = { size: 17, stroke: 1.6 } as const;

/** Three groups: look, measure, compare. Every button names its key. */
export function ReadingToolbar({ state, actions, desk, priors, canAnnotate, onClose, onSend }: ReadingToolbarProps) {
  const isPlaying = useActiveView(desk, state, (view) => view.cine.isPlaying) ?? false;
  const { t } = useTranslation('imaging');
  const tool = (name: PointerTool, label: string, picture: ReactNode, kbd: string, isNamed = true) => (
    <button
      key={name}
      type="button"
      className={['btn', 's', 'ghost', 'reading-tool', state.tool === name ? 'on' : ''].filter(Boolean).join(' ')}
      aria-pressed={state.tool === name}
      aria-label={label}
      title={`${label} (${kbd})`}
      data-testid={`tool-${name}`}
      disabled={state.isMpr && measuringTools.has(name)}
      onClick={() => actions.setTool(name)}
    >
      {picture}
      {isNamed ? <span className="reading-tool-name">{label}</span> : null}
      <kbd>{kbd}</kbd>
    </button>
  );
  return (
    <div className="reading-toolbar" role="toolbar" aria-label={t('toolbar.label')}>
      <div className="reading-tools">
        {tool('window', t('tools.window'), <IconAdjustments {...icon} />, 'W', false)}
        {tool('zoom', t('tools.zoom'), <IconZoomIn {...icon} />, 'Z', false)}
        {tool('pan', t('tools.pan'), <IconArrowsMove {...icon} />, 'G', false)}
        <PresetMenu actions={actions} />
        <IconButton
          size="s"
          label={t('tools.invert')}
          kbd="I"
          icon={<IconContrast {...icon} />}
          onClick={actions.invert}
        />
        <IconButton
          size="s"
          label={t('tools.rotate')}
          kbd="Shift+R"
          icon={<IconRotateClockwise {...icon} />}
          onClick={actions.rotate}
        />
        <IconButton
          size="s"
          label={t('tools.flipHorizontal')}
          kbd="H"
          icon={<IconFlipHorizontal {...icon} />}
          onClick={actions.flipHorizontal}
        />
        <IconButton
          size="s"
          label={t('tools.flipVertical')}
          kbd="V"
          icon={<IconFlipVertical {...icon} />}
          onClick={actions.flipVertical}
        />
        <IconButton
          size="s"
          label={t('tools.reset')}
          kbd="0"
          icon={<IconRefresh {...icon} />}
          onClick={actions.reset}
        />
        <IconButton
          size="s"
          label={isPlaying ? t('tools.cineStop') : t('tools.cine')}
          kbd="C"
          icon={isPlaying ? <IconPlayerPause {...icon} /> : <IconPlayerPlay {...icon} />}
          onClick={actions.cine}
        />
      </div>
      {canAnnotate ? (
        <div className="reading-tools">
          {tool('length', t('tools.length'), <IconRuler2 {...icon} />, 'L')}
          {tool('bidirectional', t('tools.bidirectional'), <IconPlus {...icon} />, 'B')}
          {tool('angle', t('tools.angle'), <IconAngle {...icon} />, 'A')}
          {tool('ellipse', t('tools.ellipse'), <IconCircle {...icon} />, 'E')}
          {tool('rectangle', t('tools.rectangle'), <IconRectangle {...icon} />, 'R')}
          {tool('freehand', t('tools.freehand'), <IconLasso {...icon} />, 'F')}
          {tool('probe', t('tools.probe'), <IconFocusCentered {...icon} />, 'P')}
          <IconButton
            size="s"
            label={t('tools.keyImage')}
            kbd="K"
            icon={<IconStar {...icon} />}
            onClick={actions.toggleKeyImage}
          />
        </div>
      ) : null}
      <div className="reading-tools">
        <button
          type="button"
          className={['btn', 's', 'ghost', 'reading-tool', state.isMpr ? 'on' : ''].filter(Boolean).join(' ')}
          aria-pressed={state.isMpr}
          title={`${t('tools.mprWhat')} (M)`}
          data-testid="tool-mpr"
          onClick={actions.toggleMpr}
        >
          {t('tools.mpr')} <kbd>M</kbd>
        </button>
        <LayoutMenu layout={state.layout} onChoose={actions.setLayout} />
        <IconButton
          size="s"
          className={state.isLinked ? 'on' : ''}
          aria-pressed={state.isLinked}
          label={t('tools.link')}
          icon={<IconLink {...icon} />}
          onClick={actions.toggleLink}
        />
        <PriorMenu priors={priors} opened={state.priors} onOpen={actions.openPrior} />
        <IconButton
          size="s"
          label={t('tools.help')}
          kbd="?"
          icon={<span aria-hidden>?</span>}
          onClick={actions.showKeys}
        />
        {onSend ? <IconButton size="s" label={t('tools.send')} icon={<IconSend {...icon} />} onClick={onSend} /> : null}
        <IconButton size="s" label={t('tools.close')} icon={<IconX {...icon} />} onClick={onClose} />
      </div>
    </div>
  );
}

const measuringTools: ReadonlySet<PointerTool> = new Set([
  'length',
  'bidirectional',
  'angle',
  'ellipse',
  'rectangle',
  'freehand',
  'probe',
]);

function PresetMenu({ actions }: { actions: ReadingActions }) {
  const { t, i18n } = useTranslation('imaging');
  const formats = useFormats();
  // Asked anew at each opening: the picture may have come, or changed, since the toolbar was drawn.
  const [isOpen, setOpen] = useState(false);
  const presets = isOpen ? actions.presets() : [];
  return (
    <Menu position="bottom-start" withinPortal opened={isOpen} onChange={setOpen} transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <button
          type="button"
          className="btn s ghost reading-tool"
          title={t('tools.presets')}
          aria-label={t('tools.presets')}
        >
          <IconContrastFilled {...icon} />
          <kbd>1–9</kbd>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {presets.map((preset) => (
          <Menu.Item
            key={preset.key}
            onClick={() => actions.applyPreset(preset.key)}
            rightSection={<kbd>{preset.key}</kbd>}
          >
            {i18n.exists(`preset.${preset.name}`, { ns: 'imaging' }) ? t(`preset.${preset.name}`) : preset.name}
            {Number.isFinite(preset.centre) && preset.key > 1 ? (
              <span className="label">
                {' '}
                {`${formats.number(preset.centre, 0).replace('-', '\u2212')} / ${formats.number(preset.width, 0)}`}
              </span>
            ) : null}
          </Menu.Item>
        ))}
        {presets.length === 0 ? <Menu.Label>{t('tools.noPresets')}</Menu.Label> : null}
      </Menu.Dropdown>
    </Menu>
  );
}

function LayoutMenu({ layout, onChoose }: { layout: Layout; onChoose: (layout: Layout) => void }) {
  const { t } = useTranslation('imaging');
  const pictures: Record<Layout, ReactNode> = {
    '1x1': <IconSquare {...icon} />,
    '1x2': <IconColumns2 {...icon} />,
    '2x2': <IconLayoutGrid {...icon} />,
  };
  const layouts: readonly Layout[] = ['1x1', '1x2', '2x2'];
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <button
          type="button"
          className="btn s ghost reading-tool"
          title={t('tools.layout')}
          aria-label={t('tools.layout')}
          data-testid="tool-layout"
        >
          {pictures[layout]}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {layouts.map((each) => (
          <Menu.Item key={each} leftSection={pictures[each]} onClick={() => onChoose(each)}>
            {each.replace('x', ' × ')}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function PriorMenu({
  priors,
  opened,
  onOpen,
}: {
  priors: readonly Study[];
  opened: readonly string[];
  onOpen: (studyUid: string) => void;
}) {
  const { t } = useTranslation('imaging');
  const formats = useFormats();
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <button type="button" className="btn s ghost reading-tool" title={t('tools.prior')} data-testid="tool-prior">
          <IconHistory {...icon} />
          <span className="reading-tool-name">{t('tools.prior')}</span>
          <span className="label">{priors.length}</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {priors.length === 0 ? <Menu.Label>{t('tools.noPrior')}</Menu.Label> : null}
        {priors.map((study) => (
          <Menu.Item
            key={study.studyUid}
            disabled={opened.includes(study.studyUid)}
            onClick={() => onOpen(study.studyUid)}
          >
            {[formats.date(study.studyDate), study.modalities.join('/'), study.description].filter(Boolean).join(' · ')}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
