using Banyan.Runtime.Prompts;

namespace Banyan.Cli;

/// <summary>Writes an answer as it streams: its text to standard output; its reasoning, dimmed, only to a terminal.</summary>
sealed class AnswerPrinter
{
    readonly TextWriter? _thoughts = !Console.IsOutputRedirected ? Console.Out : !Console.IsErrorRedirected ? Console.Error : null;
    bool _thinks;

    public void Write(AnswerPart part)
    {
        if (part.Kind == AnswerPartKind.Reasoning)
        {
            _thinks = true;
            _thoughts?.Write($"\e[2m{part.Text}\e[22m");
            _thoughts?.Flush();
            return;
        }
        if (_thinks)
            _thoughts?.Write("\n\n");
        _thinks = false;
        Console.Out.Write(part.Text);
        Console.Out.Flush();
    }
}
