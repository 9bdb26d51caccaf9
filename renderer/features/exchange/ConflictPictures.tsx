import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Conflict, ConflictVersion } from '../../../app/domains/imaging/conflictSchema.ts';
import { displayPersonName } from '../../../app/domains/patients/personName.ts';
import { useAssetImage } from '../../api/assetImages.ts';
import { Button } from '../../components/Button.tsx';
import { useFailureText } from '../../components/FailureNotice.tsx';
import { useKeys } from '../../components/keys.ts';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useFormats } from '../../i18n/formats.ts';

interface Window {
  readonly centre: number;
  readonly width: number;
}

const zooms = [1, 2, 4] as const;

/** Both contents of one instance: from whom, when, and their pictures with one window, one frame, one place. */
export function ConflictPictures({
  conflict,
  shown,
  other,
}: {
  conflict: Conflict;
  shown: ConflictVersion;
  other: ConflictVersion;
}) {
  const { t } = useTranslation('conflicts');
  const formats = useFormats();
  const own = shown.window ?? other.window;
  const [frame, setFrame] = useState(1);
  const [window, setWindow] = useState<Window | null>(own);
  const [zoom, setZoom] = useState<(typeof zooms)[number]>(1);
  const [isBlended, setBlended] = useState(false);
  const areBoth = shown.mayShow && other.mayShow;
  const frames = Math.max(shown.frames, other.frames);
  const panes = [useRef<HTMLDivElement>(null), useRef<HTMLDivElement>(null)];
  const follow = (from: number): void => {
    const [source, target] = [panes[from]?.current, panes[1 - from]?.current];
    if (!source || !target) return;
    if (target.scrollLeft !== source.scrollLeft) target.scrollLeft = source.scrollLeft;
    if (target.scrollTop !== source.scrollTop) target.scrollTop = source.scrollTop;
  };
  const group = t('title');
  useKeys([
    {
      id: 'conflicts.blend',
      keys: ['d'],
      label: t('pictures.difference'),
      group,
      when: () => areBoth,
      run: () => setBlended(!isBlended),
    },
  ]);
  const pathOf = (version: ConflictVersion): string | null =>
    version.mayShow ? pictureOf(conflict, version, Math.min(frame, version.frames), window) : null;
  const number = (name: keyof Window) => (
    <label>
      {t(`pictures.${name}`)}
      <input
        className="input tabular"
        type="number"
        min={name === 'width' ? 1 : undefined}
        value={Math.round(window?.[name] ?? 0)}
        onChange={(event) => {
          const value = Number(event.target.value);
          if (window && Number.isFinite(value) && (name === 'centre' || value >= 1))
            setWindow({ ...window, [name]: value });
        }}
      />
    </label>
  );
  return (
    <section className="conflict-pictures" aria-label={t('pictures.label')}>
      {areBoth ? (
        <div className="conflict-tools" role="toolbar" aria-label={t('pictures.tools')}>
          {window ? (
            <>
              {number('centre')}
              {number('width')}
            </>
          ) : null}
          {own ? (
            <Button size="s" onClick={() => setWindow(own)}>
              {t('pictures.reset')}
            </Button>
          ) : null}
          {frames > 1 ? (
            <label>
              {t('pictures.frame', { value: formats.number(frame), total: formats.number(frames) })}
              <input
                type="range"
                min={1}
                max={frames}
                value={frame}
                onChange={(event) => setFrame(Number(event.target.value))}
              />
            </label>
          ) : null}
          <span className="conflict-zooms">
            {zooms.map((each) => (
              <Button key={each} size="s" aria-pressed={zoom === each} onClick={() => setZoom(each)}>
                {t('pictures.zoom', { value: formats.number(each) })}
              </Button>
            ))}
          </span>
          <Button size="s" kbd="d" aria-pressed={isBlended} onClick={() => setBlended(!isBlended)}>
            {t('pictures.difference')}
          </Button>
        </div>
      ) : null}
      <div className="conflict-pair">
        {[shown, other].map((version, at) => (
          <figure key={version.objectName} data-testid={`conflict-side-${at}`}>
            <figcaption>
              <b>{at === 0 ? t('side.shown') : t('side.other')}</b>
              <Facts version={version} against={at === 0 ? other : shown} />
            </figcaption>
            <div ref={panes[at]} className="conflict-pane" onScroll={() => follow(at)}>
              <div className="conflict-stack" style={{ width: `${zoom * 100}%` }}>
                <Picture path={pathOf(version)} version={version} alt={at === 0 ? t('side.shown') : t('side.other')} />
                {isBlended && at === 1 && areBoth ? <Blend path={pathOf(shown)} /> : null}
              </div>
            </div>
          </figure>
        ))}
      </div>
      {isBlended && areBoth ? <p className="quiet">{t('pictures.differenceWhat')}</p> : null}
    </section>
  );
}

function pictureOf(conflict: Conflict, version: ConflictVersion, frame: number, window: Window | null): string {
  const base = `/conflicts/${encodeURIComponent(conflict.conflictId)}/${conflict.studyUid}/${version.objectName}`;
  return `${base}/frames/${frame}/rendered${window ? `?window=${window.centre},${window.width}` : ''}`;
}

function Facts({ version, against }: { version: ConflictVersion; against: ConflictVersion }) {
  const { t } = useTranslation('conflicts');
  const formats = useFormats();
  // Two sizes that are written alike are no difference anybody can see.
  const isAlike = version.bytes !== against.bytes && formats.bytes(version.bytes) === formats.bytes(against.bytes);
  const size = (bytes: number) => (isAlike ? t('facts.bytes', { value: formats.number(bytes) }) : formats.bytes(bytes));
  const line = (key: string, value: string, differs: boolean) => (
    <div key={key} className={differs ? 'differs' : ''}>
      <dt>{t(`facts.${key}`)}</dt>
      <dd>{value || t('facts.notNoted')}</dd>
    </div>
  );
  return (
    <dl className="conflict-facts">
      {line('received', formats.dateTime(version.receivedAt), false)}
      {line(
        'from',
        [sourceText(version.source, t), version.author].filter(Boolean).join(' · '),
        version.source !== against.source,
      )}
      {line('size', size(version.bytes), version.bytes !== against.bytes)}
      {line('syntax', version.transferSyntaxUid, version.transferSyntaxUid !== against.transferSyntaxUid)}
      {line(
        'patient',
        [displayPersonName(version.name), version.identifier].filter(Boolean).join(' · '),
        version.name !== against.name || version.identifier !== against.identifier,
      )}
    </dl>
  );
}

/** What brought an object, in words where it has no name of its own. */
export function sourceText(source: string, t: (key: string) => string): string {
  return ['import', 'upload', 'samples', 'report'].includes(source) ? t(`sources.${source}`) : source;
}

function Picture({ path, version, alt }: { path: string | null; version: ConflictVersion; alt: string }) {
  const { t } = useTranslation('conflicts');
  const failureText = useFailureText();
  const image = useAssetImage(path);
  if (path === null)
    return <p className="conflict-blank">{version.isImage ? t('pictures.mayNot') : t('pictures.none')}</p>;
  if (image.failure) return <p className="conflict-blank">{failureText(image.failure)}</p>;
  return image.url ? <img src={image.url} alt={alt} draggable={false} /> : <Skeleton height={180} />;
}

function Blend({ path }: { path: string | null }) {
  const image = useAssetImage(path);
  return image.url ? <img className="blend" src={image.url} alt="" draggable={false} /> : null;
}
