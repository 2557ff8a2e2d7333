using System.Runtime.CompilerServices;
using System.Text;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates;

/// <summary>One rendering: its variables, its output, and its consumption of the limits.</summary>
sealed class Render(TemplateLimits limits, IReadOnlyDictionary<string, Value> variables, DateTimeOffset now)
{
    long _steps, _allocated;
    int _depth;
    StringBuilder _output = new();
    List<(int Start, int End)>? _answers = [];
    int _captures;

    public DateTimeOffset Now { get; } = now;

    /// <summary>The innermost scope; its outermost parent is the template's own.</summary>
    public Scope Scope { get; private set; } = new(null);

    /// <summary>The line of the template that is being rendered, for error messages.</summary>
    public int Line { get; set; }

    public long Steps => _steps;
    public long Allocated => _allocated;
    public string Output => _output.ToString();

    /// <summary>Characters written so far, to the page or to the innermost capture.</summary>
    public int Length => _output.Length;

    /// <summary>
    /// Where in the output each <c>{% generation %}</c> block stands, in order; null if one was captured by a macro, a filter or a
    /// variable, so that its place is not known.
    /// </summary>
    public IReadOnlyList<(int Start, int End)>? Answers => _answers;

    /// <summary>A <c>{% generation %}</c> block wrote these characters.</summary>
    public void AddAnswer(int start, int end)
    {
        if (_captures > 0)
            _answers = null;
        else
            _answers?.Add((start, end));
    }

    /// <summary>Counts one or more steps. Every loop of the interpreter over values that a template created calls this.</summary>
    public void Step(long count = 1)
    {
        if ((_steps += count) > limits.Steps)
            throw TemplateException.Limit(nameof(limits.Steps), limits.Steps);
    }

    /// <summary>Counts the reading of the given number of characters.</summary>
    public void Scan(int characters) => Step(characters >> 6);

    /// <summary>Counts bytes that are about to be allocated. Call it before the allocation if the template decides the size.</summary>
    public void Charge(long bytes)
    {
        if ((_allocated += bytes) > limits.AllocatedBytes)
            throw TemplateException.Limit(nameof(limits.AllocatedBytes), limits.AllocatedBytes);
    }

    /// <summary>Limits the nesting of values inside values; a namespace can contain itself.</summary>
    public void CheckDepth(int depth)
    {
        if (depth > limits.Depth)
            throw TemplateException.Limit(nameof(limits.Depth), limits.Depth);
        CheckStack();
    }

    /// <summary>Ensures that the thread's stack is never exhausted, however many frames the depth takes.</summary>
    public void CheckStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw TemplateException.Limit(nameof(limits.Depth), limits.Depth);
    }

    public void Enter() => CheckDepth(++_depth);

    public void Leave() => _depth--;

    /// <summary>A string that the template creates, charged.</summary>
    public TextValue Text(string text, bool isMarkup = false)
    {
        Charge(2L * text.Length + 32);
        return text.Length == 0 && !isMarkup ? TextValue.Empty : new TextValue(text, isMarkup);
    }

    /// <summary>A list that the template creates, charged.</summary>
    public ListValue List(IReadOnlyList<Value> items, bool isTuple = false)
    {
        Charge(8L * items.Count + 48);
        return new ListValue(items, isTuple);
    }

    public void Write(string text)
    {
        if (_output.Length + text.Length > limits.OutputCharacters)
            throw TemplateException.Limit(nameof(limits.OutputCharacters), limits.OutputCharacters);
        Charge(2L * text.Length);
        _output.Append(text);
    }

    /// <summary>Runs statements whose output becomes a string instead of the page's text.</summary>
    public string Capture(Statement[] body)
    {
        var outer = _output;
        _output = new StringBuilder();
        _captures++;
        try
        {
            Statement.ExecuteAll(body, this);
            return _output.ToString();
        }
        finally
        {
            _captures--;
            _output = outer;
        }
    }

    /// <summary>Opens a scope inside another and returns the previous <see cref="Scope"/>, to be passed to <see cref="Return"/>.</summary>
    public Scope Open(Scope parent)
    {
        var before = Scope;
        Scope = new Scope(parent);
        return before;
    }

    public void Return(Scope scope) => Scope = scope;

    /// <summary>Looks up a variable: in the scopes from the innermost outwards, then those passed in, then the global functions.</summary>
    public Value Lookup(string name)
    {
        for (var scope = Scope; scope is not null; scope = scope.Parent)
            if (scope.TryGet(name, out var value))
                return value;
        return variables.TryGetValue(name, out var variable) || Globals.All.TryGetValue(name, out variable)
            ? variable : UndefinedValue.Name(name);
    }
}
