namespace Banyan.Server.Pages;

/// <summary>Code with a gap to begin with.</summary>
sealed record Example(string Id, string Title, string Text)
{
    /// <summary>Where the gap is, in text that a form sends; typable on every keyboard and no code of any language.</summary>
    public const string Cursor = "<CURSOR>";

    public static readonly IReadOnlyList<Example> All =
    [
        new("csharp", "C#", """
            using System.Collections.Generic;

            public class WordCounter
            {
                private readonly Dictionary<string, int> _counts = new();

                public void Add(string word)
                {
                    <CURSOR>
                }

                public int Count(string word)
                {
                    return _counts.TryGetValue(word, out var count) ? count : 0;
                }
            }
            """),
        new("python", "Python", """
            class Stack:
                def __init__(self):
                    self.items = []

                def push(self, item):
                    <CURSOR>

                def pop(self):
                    return self.items.pop()
            """),
        new("continue", "Continue", """
            namespace Shop;

            public class Order
            {
                public int Id { get; set; }

                public string Customer { get; set; }

                public <CURSOR>
            """),
    ];

    public static Example Find(string? id) => All.FirstOrDefault(e => e.Id == id) ?? All[0];
}
