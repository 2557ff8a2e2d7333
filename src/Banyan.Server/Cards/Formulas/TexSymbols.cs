namespace Banyan.Server.Cards.Formulas;

/// <summary>TeX's names of symbols, and the letters of its alphabets.</summary>
static class TexSymbols
{
    /// <summary>Names of letters: identifiers.</summary>
    public static readonly IReadOnlyDictionary<string, string> Letters = Table("""
        alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ lambda λ mu μ nu ν xi ξ omicron ο pi π varpi ϖ rho ρ varrho ϱ sigma σ
        varsigma ς tau τ upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω
        infty ∞ partial ∂ nabla ∇ hbar ℏ ell ℓ Re ℜ Im ℑ aleph ℵ emptyset ∅ varnothing ∅ imath ı jmath ȷ top ⊤ bot ⊥ angle ∠ triangle △ square □ dagger † ddagger ‡ checkmark ✓
        """);

    /// <summary>Names of operators, relations and arrows.</summary>
    public static readonly IReadOnlyDictionary<string, string> Operators = Table("""
        times × cdot ⋅ div ÷ pm ± mp ∓ ast ∗ star ⋆ circ ∘ bullet • oplus ⊕ ominus ⊖ otimes ⊗ odot ⊙ cap ∩ cup ∪ wedge ∧ land ∧ vee ∨ lor ∨ neg ¬ lnot ¬ setminus ∖ sqcup ⊔ sqcap ⊓
        le ≤ leq ≤ leqslant ⩽ ge ≥ geq ≥ geqslant ⩾ ne ≠ neq ≠ equiv ≡ approx ≈ sim ∼ simeq ≃ cong ≅ propto ∝ ll ≪ gg ≫ prec ≺ succ ≻ preceq ⪯ succeq ⪰ doteq ≐ coloneqq ≔ triangleq ≜
        in ∈ notin ∉ ni ∋ subset ⊂ supset ⊃ subseteq ⊆ supseteq ⊇ mid ∣ nmid ∤ parallel ∥ perp ⊥ vdash ⊢ models ⊨ forall ∀ exists ∃ nexists ∄ therefore ∴ because ∵
        to → rightarrow → leftarrow ← gets ← leftrightarrow ↔ Rightarrow ⇒ implies ⟹ Leftarrow ⇐ impliedby ⟸ Leftrightarrow ⇔ iff ⟺ mapsto ↦ longrightarrow ⟶ longleftarrow ⟵ longmapsto ⟼
        uparrow ↑ downarrow ↓ hookrightarrow ↪ rightharpoonup ⇀ rightleftharpoons ⇌ leadsto ⇝ ldots … dots … cdots ⋯ vdots ⋮ ddots ⋱ dotsc … dotsb ⋯ colon : prime ′ backslash \
        """);

    /// <summary>Operators whose bounds stand above and below them where a formula has a line to itself.</summary>
    public static readonly IReadOnlyDictionary<string, string> Large =
        Table("sum ∑ prod ∏ coprod ∐ bigcup ⋃ bigcap ⋂ bigoplus ⨁ bigotimes ⨂ bigvee ⋁ bigwedge ⋀ bigsqcup ⨆");

    public static readonly IReadOnlyDictionary<string, string> Integrals = Table("int ∫ iint ∬ iiint ∭ oint ∮");

    /// <summary>Names of functions; those of the second list have what they range over below them.</summary>
    public static readonly IReadOnlySet<string> Functions =
        new HashSet<string>(
            "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth log ln lg exp dim ker deg hom arg Pr".Split(' '));

    public static readonly IReadOnlySet<string> Limits =
        new HashSet<string>("lim limsup liminf max min sup inf argmax argmin det gcd".Split(' '));

    public static readonly IReadOnlyDictionary<string, string> Fences =
        Table("lbrace { rbrace } langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ lvert | rvert | lVert ‖ rVert ‖ vert | Vert ‖ lbrack [ rbrack ] lparen ( rparen )");

    /// <summary>Marks over and under what follows.</summary>
    public static readonly IReadOnlyDictionary<string, string> Accents =
        Table("hat ^ widehat ^ bar ¯ overline ¯ tilde ~ widetilde ~ vec → overrightarrow → dot ˙ ddot ¨ check ˇ breve ˘ acute ´ grave ` mathring ˚ overbrace ⏞");

    public static readonly IReadOnlyDictionary<string, string> Below = Table("underline _ underbrace ⏟");

    /// <summary>Spaces in em.</summary>
    public static readonly IReadOnlyDictionary<string, string> Spaces =
        Table(", 0.17em : 0.22em > 0.22em ; 0.28em ! -0.17em quad 1em qquad 2em enspace 0.5em thinspace 0.17em");

    static Dictionary<string, string> Table(string text)
    {
        var words = text.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);
        return words.Chunk(2).ToDictionary(p => p[0], p => p[1], StringComparer.Ordinal);
    }

    /// <summary>
    /// A letter in an alphabet: Unicode has them as characters of their own, some of which were there before and lie elsewhere.
    /// </summary>
    public static string InAlphabet(char c, string alphabet) => (alphabet, c) switch
    {
        ("mathbb", 'C') => "ℂ",
        ("mathbb", 'H') => "ℍ",
        ("mathbb", 'N') => "ℕ",
        ("mathbb", 'P') => "ℙ",
        ("mathbb", 'Q') => "ℚ",
        ("mathbb", 'R') => "ℝ",
        ("mathbb", 'Z') => "ℤ",
        ("mathcal", 'B') => "ℬ",
        ("mathcal", 'E') => "ℰ",
        ("mathcal", 'F') => "ℱ",
        ("mathcal", 'H') => "ℋ",
        ("mathcal", 'I') => "ℐ",
        ("mathcal", 'L') => "ℒ",
        ("mathcal", 'M') => "ℳ",
        ("mathcal", 'R') => "ℛ",
        ("mathcal", 'e') => "ℯ",
        ("mathcal", 'g') => "ℊ",
        ("mathcal", 'o') => "ℴ",
        ("mathfrak", 'C') => "ℭ",
        ("mathfrak", 'H') => "ℌ",
        ("mathfrak", 'I') => "ℑ",
        ("mathfrak", 'R') => "ℜ",
        ("mathfrak", 'Z') => "ℨ",
        ("mathbb", >= '0' and <= '9') => char.ConvertFromUtf32(0x1D7D8 + c - '0'),
        ("mathbf", >= '0' and <= '9') => char.ConvertFromUtf32(0x1D7CE + c - '0'),
        (_, >= 'A' and <= 'Z') when Start(alphabet) is { } upper => char.ConvertFromUtf32(upper + c - 'A'),
        (_, >= 'a' and <= 'z') when Start(alphabet) is { } lower => char.ConvertFromUtf32(lower + 26 + c - 'a'),
        _ => c.ToString(),
    };

    static int? Start(string alphabet) =>
        alphabet switch
        {
            "mathbf" => 0x1D400,
            "mathcal" => 0x1D49C,
            "mathfrak" => 0x1D504,
            "mathbb" => 0x1D538,
            "mathsf" => 0x1D5A0,
            "mathtt" => 0x1D670,
            _ => null
        };
}
