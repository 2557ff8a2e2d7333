namespace Banyan.Evaluation.Tasks.EvalPlus;

/// <summary>HumanEval and MBPP as EvalPlus checks them: with the original inputs, or with many more ("+").</summary>
sealed class EvalPlusTask(string name, string[] aliases, string description, string licence, string[] files, bool plus) : EvaluationTask
{
    public override string Name => name;

    public override IReadOnlyList<string> Aliases => aliases;

    public override string Description => description;

    public override string Licence => licence;

    public override IReadOnlyList<string> DataFiles => files;

    public override bool HasTwins => true;

    public override ItemSet Load(TaskSource source)
    {
        var file = source.Need(this);
        var text = Evaluation.DataFiles.ReadText(file);
        return new EvalPlusItems(Name, plus, [.. JsonLines.ParsePython(text, file).Select(EvalPlusItem.Read)]);
    }
}
