/** How one test of the suite ended. */
export interface Outcome {
  readonly name: string;
  readonly passed: boolean;
  readonly seconds: number;
  /** Why it failed, on one line. */
  readonly message: string;
}

/** As much of the suite's report as is read here. */
interface SpecReport {
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly State: string;
  readonly RunTime: number;
  readonly Failure?: { readonly Message?: string };
}

const messageLength = 400;

/** What ran, from the report that the suite wrote. Tests that were not chosen are left out. */
export function outcomesOf(report: string): readonly Outcome[] {
  const suites = JSON.parse(report) as readonly { readonly SpecReports: readonly SpecReport[] | null }[];
  return suites
    .flatMap((suite) => suite.SpecReports ?? [])
    .filter(({ LeafNodeType, State }) => LeafNodeType === 'It' && State !== 'skipped' && State !== 'pending')
    .map((spec) => ({
      name: [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].join(' '),
      passed: spec.State === 'passed',
      seconds: Math.round(spec.RunTime / 1e8) / 10,
      message: (spec.Failure?.Message ?? spec.State).replace(/\s+/g, ' ').slice(0, messageLength),
    }));
}
